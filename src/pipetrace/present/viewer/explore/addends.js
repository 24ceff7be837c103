// What each input channel adds to the map of the chosen filter, before they are summed: whole maps on one scale.

import { theme } from "viewer/colour.js";
import { h, whenIdle } from "viewer/dom.js";
import { legend, Picture, scaleOf } from "viewer/draw/picture.js";
import { plane, sliceOf } from "viewer/draw/slice.js";
import { FUNCTIONS } from "viewer/explore/origin.js";
import { placeIn } from "viewer/explore/place.js";
import { counted, figure, fixed, signed } from "viewer/figures.js";
import { activate } from "viewer/model/activation.js";
import { channelMaps } from "viewer/model/channel_maps.js";
import { OWN } from "viewer/model/rows.js";
import { channelsFirst, offset, size } from "viewer/model/values.js";
import { COMPUTING } from "viewer/words.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {{ key: string, names: string[], maps: Float64Array[], total: Float64Array, order: number[], most: number }} Found */

const FIRST = 7;
const MORE = 64;
const WIDTH = 112;
/** So many multiplications are done at once; more of them are done when nothing else is to be done. */
const MOST_WORK = 1e6;
/** More values than this are not kept. */
const MOST_VALUES = 4e6;

/**
 * @param {Context} context
 * @param {Values} output
 * @returns {{ element: HTMLElement, draw: (place: number[]) => void } | null} nothing for a stage that is no convolution
 */
export function addends(context, output) {
  const { model, state, stage } = context;
  if (!stage.layer.includes("Conv") || channelsFirst(stage.config) || !model.isComputed(state.at, stage.name)) return null;
  const shape = output.shape.slice(0, -1);
  const flat = shape.length === 1;
  const slice = sliceOf([...shape, 1]);
  const size_ = flat ? { rows: 1, columns: shape[0] } : slice;
  const move = (/** @type {number} */ row, /** @type {number} */ column) => {
    const here = placeIn(model, state, stage);
    state.set("place", flat ? [column, here[1]] : slice.move(row, column, here));
  };
  const title = h("h4", { class: "above" });
  const grid = h("div", { class: `addends${flat ? " flat" : ""}` });
  const note = h("p", { class: "checked" });
  const more = h("button", { type: "button", class: "plain", onclick: () => { shown += MORE; draw(last); } });
  const scale = legend("one scale for all");
  const element = h("div", { class: "beforesum" }, title, grid, h("p", { class: "buttons" }, more), scale.element, note);
  /** @type {{ picture: Picture, name: HTMLElement, value: HTMLElement }[]} */
  const tiles = [];
  let [shown, painted] = [FIRST, ""];
  /** @type {number[]} */
  let last = [];
  /** @type {Found | null} */
  let found = null;
  let wanted = "";
  const tile = () => {
    const picture = new Picture({ ...size_, width: WIDTH, label: "", move });
    if (tiles.length) picture.element.tabIndex = -1; // the arrow keys do the same in all of them
    const made = { picture, name: h("b"), value: h("small") };
    grid.append(h("div", {}, picture.element, made.name, made.value));
    tiles.push(made);
  };
  const look = (/** @type {number[]} */ place) => {
    const filter = place[place.length - 1];
    const key = `${state.now.row} ${model.changes} ${model.nearest(state.now.epoch)} ${filter}`;
    if (key === wanted) return;
    wanted = key;
    found = null;
    const received = model.inputs(state.at, stage);
    const made = received && channelMaps(stage, received.inputs[0], model.weightsOf(state.at, stage.name), filter);
    if (!made || made.names.length * size(shape) > MOST_VALUES) return void (note.textContent = made ? "Too many values to be shown one by one." : COMPUTING);
    const { names, work } = made;
    /** @type {Float64Array[]} */
    const maps = [];
    const hop = Math.max(1, Math.floor(MOST_WORK / work));
    const step = () => {
      if (wanted !== key) return;
      maps.push(...made.compute(maps.length, Math.min(names.length, maps.length + hop)));
      if (maps.length < names.length) return whenIdle(step);
      found = summed(key, names, maps);
      draw(last);
    };
    if (names.length > hop) note.textContent = COMPUTING;
    if (names.length > hop) whenIdle(step);
    else step();
  };
  const draw = (/** @type {number[]} */ place) => {
    last = place;
    look(place);
    if (!found) return;
    const { names, maps, total, order, most } = found;
    const filter = place[place.length - 1];
    const one = names.length === 1;
    const bias = model.weightsOf(state.at, stage.name).bias?.data[filter] ?? null;
    title.replaceChildren(
      one ? `What filter ${filter} sums up` : `What each input channel adds to filter ${filter}`,
      h("small", {}, `${one ? "The input × the kernel, summed at every position." : "Input channel × its part of the kernel, at every position; the largest first."}${stage.config.activation === "relu" ? " ReLU then keeps what is positive." : ""}`),
    );
    const count = Math.min(shown, names.length);
    while (tiles.length < count + 1) tile();
    more.hidden = count === names.length;
    more.textContent = `Show ${counted(Math.min(MORE, names.length - count))} more of ${counted(names.length)}`;
    const all = [{ name: `${one ? "sum" : `sum of all ${counted(names.length)}`}${bias === null ? "" : " + bias"}`, map: total, plus: bias ?? 0 }, ...order.slice(0, count).map((at) => ({ name: names[at], map: maps[at], plus: 0 }))];
    const other = `${found.key} ${slice.name(place)} ${count} ${theme()}`;
    const [row, column] = flat ? [0, place[0]] : slice.at(place);
    all.forEach(({ name, map, plus }, at) => {
      const { picture, name: called, value } = tiles[at];
      const here = map[offset(shape, place.slice(0, -1))] + plus;
      if (other !== painted) {
        const data = Float32Array.from(map, (each) => each + plus);
        picture.paint({ values: flat ? data : plane({ shape: [...shape, 1], data }, slice, [...place.slice(0, -1), 0]), most, ramp: "signed" });
        picture.element.setAttribute("aria-label", name);
        called.textContent = name;
      }
      picture.mark([{ row, column, ...(at && { kind: "thin" }) }]);
      picture.say(`line ${row}, column ${column}: ${figure(here)}`);
      value.textContent = signed(here, 4);
    });
    if (other === painted) return;
    painted = other;
    scale.draw({ most, ramp: "signed" });
    checked(note, context, found, bias, filter, shape);
  };
  return { element, draw };
}

/**
 * @param {string} key
 * @param {string[]} names
 * @param {Float64Array[]} maps
 * @returns {Found} with their sum, and the order from the largest on
 */
function summed(key, names, maps) {
  const total = new Float64Array(maps[0].length);
  for (const map of maps) map.forEach((value, at) => (total[at] += value));
  const sizes = maps.map((map) => map.reduce((sum, value) => sum + Math.abs(value), 0));
  const order = names.map((_, at) => at).sort((one, other) => sizes[other] - sizes[one]);
  return { key, names, maps, total, order, most: scaleOf([...maps, total].map((map) => map.reduce((most, value) => Math.max(most, Math.abs(value) || 0), 0))).most };
}

/**
 * Say whether the sum of the maps, with bias and activation, is the recorded map.
 *
 * @param {HTMLElement} note
 * @param {Context} context
 * @param {Found} found
 * @param {number | null} bias
 * @param {number} filter
 * @param {number[]} shape
 */
function checked(note, { model, state, stage }, { total, names }, bias, filter, shape) {
  const activation = stage.config.activation ?? "linear";
  const recorded = model.recorded(state.at, stage.name);
  const output = recorded ?? model.output(state.at, stage.name);
  note.className = "checked";
  if (!output || activation.endsWith("softmax")) return void (note.textContent = output ? "The softmax after the sum mixes all filters." : COMPUTING);
  const made = activate(activation, { shape, data: Float32Array.from(total, (value) => value + (bias ?? 0)) }).data;
  const filters = output.shape[output.shape.length - 1];
  let difference = 0;
  made.forEach((value, at) => {
    const other = output.data[at * filters + filter];
    // NaN where NaN was recorded agrees.
    if (!Object.is(value, other)) difference = Math.abs(value - other) > difference || Number.isNaN(value - other) ? Math.abs(value - other) : difference;
  });
  const after = activation === "linear" ? "" : ` and ${FUNCTIONS[activation] ?? activation}`;
  const what = `${names.length === 1 ? "This map" : `The sum of all ${counted(names.length)} maps`}${bias === null ? "" : ` with the bias ${fixed(bias, 6)}`}${after}`;
  const positions = `at ${counted(size(shape))} positions the largest difference is ${difference ? difference.toExponential(0) : "0"}`;
  if (!(difference <= model.tolerance(state.at, output))) {
    note.classList.add("wrong");
    note.replaceChildren(h("b", {}, `${what} is another map than the one ${recorded ? "that Keras recorded" : "computed above"}: ${positions}.`));
  } else if (recorded) note.replaceChildren(h("b", {}, "✓ Keras recorded the same map"), `: ${what} gives it; ${positions}.`);
  else note.textContent = `${what} gives the output above; ${positions}. ${model.isEdited(state.now.epoch) ? "With weights that you changed nothing is recorded." : state.now.row === OWN ? "This row is yours, so nothing is recorded of it." : "What Keras gave here is not in this page."}`;
}
