// The images of an opened stage: its inputs, its output, and what comes next, with the window on them.

import { brightness } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { isImage, placeIn } from "viewer/explore/place.js";
import { legend, Picture } from "viewer/draw/picture.js";
import { acrossEpochs, scaleOver } from "viewer/draw/scales.js";
import { carried, placeText, plane, sliceOf } from "viewer/draw/slice.js";
import { MOST_LINES, vector } from "viewer/explore/vector.js";
import { counted, dimensions, figure } from "viewer/figures.js";
import { softmaxAxis } from "viewer/model/activation.js";
import { placeOf, valueAt } from "viewer/model/values.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Origin} Origin */
/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/draw/picture.js").Box} Box */

const WIDTH = 252;
const SMALL = 128;
/** A step of a sequence is so high at most, and all of them. */
const [LINE, HIGHEST] = [22, 480];
/** A feature of one is so wide at most. */
const WIDEST = 64;

/**
 * @param {Context} context
 * @param {Values} output
 * @returns {Layer | null} a stage after this one whose image shows where the value goes
 */
export function nextPicture({ model, state, stage }, output) {
  if (output.shape.length < 3) return null;
  const next = model.consumers(stage.name).find((each) => each.outputs[0]?.shape.length === output.shape.length);
  return next && model.output(state.at, next.name) ? next : null;
}

/**
 * @typedef {object} Part
 * @property {HTMLElement} element
 * @property {(place: number[], origin: Origin | null) => void} draw
 */

/**
 * The picture of a stage's input, of its output, or of what comes next.
 *
 * @param {Context} context
 * @param {Layer} shown
 * @param {"input" | "output" | "next"} role
 * @returns {Part | null}
 */
export function pictureOf(context, shown, role) {
  const { model, state, stage, view } = context;
  const first = model.output(state.at, shown.name);
  if (!first) return null;
  if (first.shape.length === 1 && (first.shape[0] <= MOST_LINES || softmaxAxis(shown, 1) === 0)) return vector(context, shown, role === "output");
  const slice = sliceOf(first.shape);
  const image = isImage(model, shown);
  const colours = image && first.shape.length === 3 && first.shape[2] === 3;
  const title = view.stages.find((each) => each.name === shown.name)?.title ?? shown.name;
  const number = stage.inputs.findIndex(({ source }) => source === shown.name);
  const steps = first.shape.length === 2;
  const wide = slice.columns > 3 * slice.rows ? 2 * WIDTH : role === "next" ? SMALL : steps ? Math.min(WIDTH, WIDEST * slice.columns) : WIDTH;
  /** @type {(row: number, column: number) => void} */
  const move = (row, column) => {
    const here = placeIn(model, state, stage);
    if (role === "output") state.set("place", slice.move(row, column, here));
    else state.set("place", through(context, shown, slice.move(row, column, shownPlace(here)), here));
  };
  /** @type {Origin | null} */
  let lastOrigin = null;
  const shownPlace = (/** @type {number[]} */ here) => {
    if (role === "output") return here;
    if (role === "next") return carried(here, stage.outputs[0].shape, shown.outputs[0].shape);
    return inputPlace(lastOrigin, number) ?? carried(here, stage.outputs[0].shape, first.shape);
  };
  const picture = new Picture({ ...slice, width: wide, label: title, move });
  // The steps of a sequence are lines of text at most, whatever the number of features.
  if (steps) Object.assign(picture.element.style, { aspectRatio: "auto", height: `${Math.min((wide * slice.rows) / slice.columns, LINE * slice.rows, HIGHEST)}px` });
  const names = steps ? wordsOf(context, shown, slice.rows) : null;
  const caption = h("span", {});
  const shades = h("div", { class: "legend" });
  const scale = legend(acrossEpochs(model, shown) ? "one scale for all epochs" : "");
  const element = h("div", {}, h("div", { class: "cap" }, h("b", {}, title), caption), names ? h("div", { class: "inlines" }, names.element, picture.element) : picture.element, colours ? shades : scale.element);
  return {
    element,
    draw: (place, origin) => {
      lastOrigin = origin;
      const values = model.output(state.at, shown.name);
      if (!values) return;
      const at = shownPlace(place);
      const painted = colours ? values.data : plane(values, slice, at);
      const [low, high] = colours ? brightness(values.data) : [0, 1];
      const found = colours ? { low, most: high, ramp: /** @type {const} */ ("ink") } : scaleOver(model, state, shown, (each) => plane(each, slice, at), slice.name(at));
      picture.paint({ values: painted, ...found, colours });
      if (colours) shades.textContent = `black ${figure(low)}, full colour ${figure(high)}`;
      else scale.draw(found);
      picture.mark(role === "input" ? windowOf(origin, number, slice, at) : boxAt(slice, at, role));
      names?.draw(at[0]);
      caption.textContent = where(values, at, colours);
      picture.say(`${placeText(values.shape, at)}: ${figure(valueAt(values, at))}`);
    },
  };
}

/**
 * The words that the steps of a stage stand for, beside the lines of its picture.
 *
 * @param {Context} context
 * @param {Layer} stage
 * @param {number} steps
 * @returns {{ element: HTMLElement, draw: (step: number) => void } | null} null where they are none, or too many to read
 */
function wordsOf({ model, state }, stage, steps) {
  if (LINE * steps > HIGHEST) return null;
  /** @type {Layer | undefined} */
  let source = stage;
  while (source && !(source.words.length && source.outputs[0]?.shape.length === 1)) source = model.byName.get(source.inputs[0]?.source ?? "");
  if (!source || source.outputs[0].shape[0] !== steps) return null;
  const { name, words } = source;
  const lines = Array.from({ length: steps }, () => h("li", {}));
  return {
    element: h("ol", { "aria-hidden": "true" }, ...lines),
    draw: (step) => {
      const tokens = model.output(state.at, name)?.data ?? [];
      lines.forEach((line, at) => {
        line.textContent = words[tokens[at]] ?? "";
        line.className = at === step ? "here" : "";
      });
    },
  };
}

/**
 * @param {import("viewer/draw/slice.js").Slice} slice
 * @param {readonly number[]} place
 * @param {string} role
 * @returns {Box[]}
 */
function boxAt(slice, place, role) {
  const [row, column] = slice.at(place);
  return [{ row, column, ...(role === "next" && { kind: "thin" }) }];
}

/**
 * The cells of an input that a value was made from.
 *
 * @param {Origin | null} origin
 * @param {number} number which input
 * @param {import("viewer/draw/slice.js").Slice} slice
 * @param {readonly number[]} shown the place whose other axes the picture has
 * @returns {Box[]}
 */
function windowOf(origin, number, slice, shown) {
  const places = (origin?.terms ?? []).flatMap(({ input = 0, place }) => (place && input === number ? [place] : []));
  if (!places.length) return [];
  const cells = places.map((place) => slice.at(place));
  const [rows, columns] = [cells.map(([row]) => row), cells.map(([, column]) => column)];
  const [top, left] = [Math.min(...rows), Math.min(...columns)];
  const [tall, wide] = [Math.max(...rows) - top + 1, Math.max(...columns) - left + 1];
  const all = tall === slice.rows && wide === slice.columns;
  if (all && places.length > 1) return boxAt(slice, shown, "");
  return [{ row: top, column: left, rows: tall, columns: wide }];
}

/**
 * @param {Origin | null} origin
 * @param {number} number
 * @returns {number[] | null} the place in an input that adds most to the value
 */
function inputPlace(origin, number) {
  let best = null;
  let most = -1;
  for (const { input = 0, place, product } of origin?.terms ?? [])
    if (place && input === number && Math.abs(product) > most) [best, most] = [place, Math.abs(product)];
  return best && [...best];
}

/**
 * The output place whose window is around a place in an input, or before a place in what comes next.
 *
 * @param {Context} context
 * @param {Layer} other
 * @param {readonly number[]} place in the other stage
 * @param {readonly number[]} here the place that is chosen now
 * @returns {number[]}
 */
function through({ stage }, other, place, here) {
  const to = stage.outputs[0].shape;
  const from = other.outputs[0].shape;
  if (from.length !== to.length) return flattened(stage, place, from, to) ?? [...here];
  const near = carried(place, from, to);
  if (from[from.length - 1] !== to[to.length - 1]) near[near.length - 1] = here[here.length - 1];
  return near;
}

/**
 * @param {Layer} stage
 * @param {readonly number[]} place
 * @param {readonly number[]} from
 * @param {readonly number[]} to
 * @returns {number[] | null} where a value stands after its tensor was written in another shape
 */
function flattened(stage, place, from, to) {
  if (!["Flatten", "Reshape"].includes(stage.layer)) return null;
  return placeOf(to, place.reduce((at, index, axis) => at * from[axis] + index, 0));
}

/**
 * @param {Values} values
 * @param {readonly number[]} place
 * @param {boolean} colours
 * @returns {string}
 */
function where({ shape }, place, colours) {
  if (shape.length < 3 || colours || shape[shape.length - 1] === 1) return dimensions(shape);
  return `${dimensions(shape.slice(0, -1))}, channel ${place[place.length - 1]} of ${counted(shape[shape.length - 1])}`;
}
