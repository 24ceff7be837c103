// The pipeline at a glance: one picture a stage, drawn to scale, with the row that is followed passing through.

import { paint, paintColours } from "viewer/colour.js";
import { h, whenSeen } from "viewer/dom.js";
import { isImage, placeIn } from "viewer/explore/place.js";
import { scaleOf } from "viewer/explore/picture.js";
import { plane, sliceOf } from "viewer/explore/slice.js";
import { dimensions, figure, percent } from "viewer/figures.js";
import { softmaxAxis } from "viewer/model/activation.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/state.js").State} State */

const MOST_STAGES = 9;
const LARGE = 112;
const MOST_TILES = 32;
const MOST_BARS = 12;
const FOLD = 52;

/**
 * @param {Document} view
 * @param {Model} model
 * @param {State} state
 * @param {import("viewer/epochs/epochs.js").Epochs} epochs
 * @param {(id: string) => void} go
 * @returns {HTMLElement | null} nothing for a pipeline that is too long or has branches: the graph shows it
 */
export function glance(view, model, state, epochs, go) {
  const chain = model.stages.every((stage, at) => stage.inputs.length === (at ? 1 : 0));
  if (model.stages.length > MOST_STAGES || !chain) return null;
  const titles = new Map(view.stages.map((stage) => [stage.name, stage]));
  const largest = Math.max(...model.stages.map(({ outputs }) => (outputs[0]?.shape.length > 1 ? Math.max(...outputs[0].shape.slice(0, 2)) : 0)));
  const entries = model.stages.map((stage, at) => {
    const place = h("span", { class: "seen" });
    const note = h("small", {});
    /** @type {HTMLCanvasElement[]} */
    const canvases = []; // which are made once: it takes longer than to paint them
    const draw = () => {
      const values = model.output(state.at, stage.name);
      place.replaceChildren(...(values ? [drawn(model, state, stage, values, largest, canvases)] : []));
      note.textContent = values ? said(model, stage, values) : "";
    };
    const title = titles.get(stage.name)?.title ?? stage.name;
    const link = h(
      "a",
      {
        href: `#stage=${encodeURIComponent(stage.name)}`,
        onclick: (/** @type {Event} */ event) => {
          event.preventDefault();
          go(`stage/${stage.name}`);
        },
      },
      place,
      h("b", {}, h("i", {}, String(at + 1)), ` ${title}`),
      h("small", { class: "shape" }, dimensions(stage.outputs[0]?.shape ?? [])),
      note,
    );
    return { draw, element: h("li", {}, link) };
  });
  const caption = h("p", { class: "muted" });
  // At first it is drawn at once, so that nothing below it moves.
  for (const { draw } of entries) draw();
  const element = h("section", { class: "glance", "aria-label": "The pipeline at a glance" }, h("ol", {}, ...entries.map((each) => each.element)), caption);
  whenSeen(element, state, ["row", "epoch", "theme"], () => {
    for (const { draw } of entries) draw();
    caption.textContent = `${capital(model.row(state.now.row).text)}, as it passes through the model ${epochs.long(model.nearest(state.now.epoch))}. Zero is the colour of the paper in every picture.`;
  });
  return element;
}

/**
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 * @param {Values} values
 * @param {number} largest the longest side of an image in this pipeline, in values
 * @param {HTMLCanvasElement[]} canvases to paint in; more are added
 * @returns {HTMLElement}
 */
function drawn(model, state, stage, values, largest, canvases) {
  const { shape } = values;
  const made = (/** @type {number} */ at) => (canvases[at] ??= h("canvas", {}));
  const names = model.unitNames(stage.name);
  if (shape.length === 1 && shape[0] <= MOST_BARS) return barsOf(values, names);
  const slice = sliceOf(shape, FOLD);
  const scale = shape.length > 1 ? LARGE / Math.max(largest, 1) : 1;
  const size = (/** @type {number} */ part) => Math.max(2, Math.round(part * scale));
  if (shape.length === 3 && shape[2] > 1 && !isImage(model, stage)) {
    const count = Math.min(shape[2], MOST_TILES);
    const { most, ramp } = scaleOf(values.data);
    const across = Math.min(count, 8);
    const part = Math.min(1, (across > 4 ? 26 : 48) / LARGE);
    const tiles = Array.from({ length: count }, (_, channel) => {
      const canvas = made(channel);
      paint(canvas, plane(values, slice, [0, 0, channel]), slice.columns, most, ramp);
      Object.assign(canvas.style, { width: `${size(slice.columns) * part}px`, height: `${size(slice.rows) * part}px` });
      return canvas;
    });
    return h("span", { class: "maps", style: `grid-template-columns: repeat(${across}, max-content)` }, ...tiles);
  }
  const canvas = made(0);
  const long = shape.length < 2;
  if (isImage(model, stage) && shape.length === 3 && shape[2] === 3) paintColours(canvas, values.data, shape[1], 0, values.data.some((value) => value > 1) ? 255 : 1);
  else {
    const shown = plane(values, slice, placeIn(model, state, stage));
    const { most, ramp } = scaleOf(shown, isImage(model, stage));
    paint(canvas, shown, slice.columns, most, ramp);
  }
  Object.assign(canvas.style, long ? { width: `${FOLD}px`, height: `${Math.min(LARGE, Math.max(8, slice.rows))}px` } : { width: `${size(slice.columns)}px`, height: `${size(slice.rows)}px` });
  return canvas;
}

/**
 * @param {Values} values
 * @param {string[]} names
 * @returns {HTMLElement}
 */
function barsOf({ data }, names) {
  const numbers = Array.from(data);
  const most = Math.max(...numbers.map(Math.abs), 1e-12);
  const best = numbers.indexOf(Math.max(...numbers));
  return h(
    "span",
    { class: "few" },
    ...numbers.flatMap((value, at) => [
      h("small", {}, names[at] ?? String(at)),
      h("i", { class: value < 0 ? "minus" : at === best && numbers.length > 1 ? "best" : "", style: `width: ${(72 * Math.abs(value)) / most}px` }),
    ]),
  );
}

/**
 * @param {Model} model
 * @param {Layer} stage
 * @param {Values} values
 * @returns {string} the range of a stage's values, or what the model says
 */
function said(model, stage, { data, shape }) {
  if (shape.length === 1 && softmaxAxis(stage, 1) === 0) {
    const best = data.indexOf(Math.max(...data));
    return `${model.unitNames(stage.name)[best] ?? `class ${best}`}: ${percent(data[best])}`;
  }
  if (data.length === 1) return figure(data[0]);
  let [low, high] = [Infinity, -Infinity];
  for (const value of data) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return low <= high ? `${figure(low)} to ${figure(high)}` : "";
}

/**
 * @param {string} text
 * @returns {string}
 */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
