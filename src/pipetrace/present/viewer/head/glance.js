// The pipeline at a glance: one picture a stage, drawn to scale, with the row that is followed passing through.

import { paint, paintColours } from "viewer/colour.js";
import { h, whenSeen } from "viewer/dom.js";
import { extentOf, isImage, placeIn } from "viewer/explore/place.js";
import { scaleOver } from "viewer/draw/scales.js";
import { plane, sliceOf } from "viewer/draw/slice.js";
import { tiles } from "viewer/draw/tiles.js";
import { figure, percent } from "viewer/figures.js";
import { softmaxAxis } from "viewer/model/activation.js";
import { largest } from "viewer/rows/outcomes.js";

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
  const longest = Math.max(...model.stages.map(({ outputs }) => (outputs[0]?.shape.length > 1 ? Math.max(...outputs[0].shape.slice(0, 2)) : 0)));
  const entries = model.stages.map((stage, at) => {
    const place = h("span", { class: "seen" });
    const note = h("small", {});
    /** @type {ReturnType<typeof seen> | null} */
    let shown = null;
    const draw = () => {
      const values = model.output(state.at, stage.name);
      if (values && !shown) place.append((shown = seen(model, state, stage, values.shape, longest)).element);
      place.hidden = !values;
      if (values) shown?.draw(values);
      note.textContent = values ? said(model, stage, values) : (!stage.inputs.length && model.rows.textOf(state.now.row)) || "";
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
      h("small", { class: "shape" }, extentOf(model, stage)),
      note,
    );
    return { draw, element: h("li", {}, link) };
  });
  const caption = h("p", { class: "muted" });
  const element = h("section", { class: "glance", "aria-label": "The pipeline at a glance" }, h("ol", {}, ...entries.map((each) => each.element)), caption);
  const draw = () => {
    for (const each of entries) each.draw();
    caption.textContent = `${capital(model.row(state.now.row).text)}, as it passes through the model ${epochs.long(model.nearest(state.now.epoch))}${model.isEdited(state.now.epoch) ? ", with weights that you changed" : ""}. Zero is the colour of the paper in every image.`;
  };
  state.watch(["row", "epoch", "theme"], whenSeen(element, draw, true));
  return element;
}

/**
 * What a stage's output is drawn in. It is made once: only what is painted changes with the row and the epoch.
 *
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 * @param {readonly number[]} shape of its output
 * @param {number} largest the longest side of an image in this pipeline, in values
 * @returns {{ element: HTMLElement, draw: (values: Values) => void }}
 */
function seen(model, state, stage, shape, largest) {
  if (shape.length === 1 && shape[0] <= MOST_BARS) return stage.words.length ? worded(stage) : bars(shape[0], model.unitNames(stage.name), softmaxAxis(stage, 1) === 0);
  const slice = sliceOf(shape, FOLD);
  const scale = shape.length > 1 ? LARGE / Math.max(largest, 1) : 1;
  const size = (/** @type {number} */ part) => Math.max(2, Math.round(part * scale));
  const image = isImage(model, stage);
  if (shape.length === 3 && shape[2] > 1 && !image) {
    const count = Math.min(shape[2], MOST_TILES);
    const across = Math.min(count, 8);
    const part = Math.min(1, (across > 4 ? 26 : 48) / LARGE);
    const { element, draw } = tiles(slice, { count, across, gap: 1 });
    element.style.width = `${element.width * part * scale}px`;
    return { element, draw: (values) => draw(values, [0, 0, 0], scaleOver(model, state, stage, ({ data }) => data, "all")) };
  }
  const canvas = h("canvas", { width: slice.columns, height: slice.rows });
  Object.assign(canvas.style, shape.length < 2 ? { width: `${FOLD}px`, height: `${Math.min(LARGE, Math.max(8, slice.rows))}px` } : { width: `${size(slice.columns)}px`, height: `${size(slice.rows)}px` });
  return {
    element: canvas,
    draw: (values) => {
      if (image && shape.length === 3 && shape[2] === 3) return paintColours(canvas, values.data, shape[1], 0, values.data.some((value) => value > 1) ? 255 : 1);
      const shown = plane(values, slice, placeIn(model, state, stage));
      const { most, ramp } = scaleOver(model, state, stage, ({ data }) => data, "all");
      paint(canvas, shown, slice.columns, most, ramp);
    },
  };
}

/**
 * @param {Layer} stage whose numbers stand for words, so that they have no size
 * @returns {{ element: HTMLElement, draw: (values: Values) => void }}
 */
function worded({ words }) {
  const element = h("span", { class: "inwords" });
  return { element, draw: ({ data }) => (element.textContent = [...data].filter((at) => at !== 0).map((at) => words[at] ?? at).join(" ")) };
}

/**
 * @param {number} count
 * @param {string[]} names
 * @param {boolean} chooses whether the largest one is what the model predicts
 * @returns {{ element: HTMLElement, draw: (values: Values) => void }}
 */
function bars(count, names, chooses) {
  const lines = Array.from({ length: count }, () => h("i", {}));
  return {
    element: h("span", { class: "few" }, ...lines.flatMap((line, at) => [h("small", {}, names[at] ?? String(at)), line])),
    draw: ({ data }) => {
      const most = data.reduce((one, other) => Math.max(one, Math.abs(other)), 1e-12);
      const best = largest(data);
      lines.forEach((line, at) => {
        line.className = data[at] < 0 ? "minus" : chooses && at === best ? "best" : "";
        line.style.width = `${(72 * Math.abs(data[at])) / most || 0}px`; // NaN has no length
      });
    },
  };
}

/**
 * @param {Model} model
 * @param {Layer} stage
 * @param {Values} values
 * @returns {string} the range of a stage's values, or what the model says
 */
function said(model, stage, { data, shape }) {
  if (data.some(Number.isNaN)) return "NaN";
  if (shape.length === 1 && softmaxAxis(stage, 1) === 0) {
    const best = largest(data);
    return `${model.unitNames(stage.name)[best] ?? `class ${best}`}: ${percent(data[best])}`;
  }
  if (data.length === 1) return figure(data[0]);
  if (stage.words.length) return `${data.filter((at) => at !== 0).length} of ${data.length} are words`;
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
