// The pipeline at a glance: one picture a stage, drawn to scale, with the row that is followed passing through.

import { brightness, paint, paintColours } from "viewer/colour.js";
import { h, whenSeen } from "viewer/dom.js";
import { areTokens, extentOf, isImage, nameIn, placeIn } from "viewer/explore/place.js";
import { scaleOver } from "viewer/draw/scales.js";
import { foldOf, plane, sliceOf } from "viewer/draw/slice.js";
import { tiles } from "viewer/draw/tiles.js";
import { brief, figure, percent } from "viewer/figures.js";
import { softmaxAxis } from "viewer/model/activation.js";
import { size } from "viewer/model/values.js";
import { largest } from "viewer/rows/outcomes.js";
import { isTable, paintImage, wordsOf } from "viewer/rows/thumbnail.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/state.js").State} State */

const MOST_STAGES = 9;
const LARGE = 112;
const MOST_TILES = 32;
const LEAST_TILE = 6;
const MOST_BARS = 12;
const FOLD = 52;
const LARGEST_CELL = 9;

/**
 * @param {Document} view
 * @param {Model} model
 * @param {State} state
 * @param {import("viewer/epochs/epochs.js").Epochs} epochs
 * @param {(id: string) => void} go
 * @returns {HTMLElement | null} nothing where no stage comes after another one
 */
export function glance(view, model, state, epochs, go) {
  const stages = stations(model, state);
  if (stages.length < 2) return null;
  const isWhole = stages.length === model.stages.length;
  const titles = new Map(view.stages.map((stage) => [stage.name, stage]));
  const longest = Math.max(...stages.map(({ outputs }) => (outputs[0]?.shape.length > 1 ? Math.max(...outputs[0].shape.slice(0, 2)) : 0)));
  const entries = stages.map((stage) => {
    const place = h("span", { class: "seen" });
    const note = h("small", {});
    /** @type {ReturnType<typeof seen> | null} */
    let shown = null;
    const draw = () => {
      const values = model.output(state.at, stage.name);
      const text = stage.inputs.length || values ? null : model.rows.textOf(state.now.row);
      if (values && !shown) place.append((shown = seen(model, state, stage, values.shape, longest)).element);
      place.hidden = !values && text === null;
      place.classList.toggle("inwords", text !== null);
      if (values) shown?.draw(values);
      else if (text !== null) place.textContent = text;
      note.textContent = values ? said(model, stage, values) : "";
    };
    const title = model.outputs.length > 1 && model.outputs.includes(stage.name) ? stage.name : (titles.get(stage.name)?.title ?? stage.name);
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
      h("b", {}, h("i", {}, String(model.stages.indexOf(stage) + 1)), ` ${title}`),
      h("small", { class: "shape" }, extentOf(model, stage)),
      note,
    );
    return { draw, element: h("li", {}, link) };
  });
  const caption = h("p", { class: "muted" });
  const element = h("section", { class: "glance", "aria-label": "The pipeline at a glance" }, h("ol", isWhole ? {} : { class: "some" }, ...entries.map((each) => each.element)), caption);
  const draw = () => {
    for (const each of entries) each.draw();
    caption.textContent = `${capital(model.row(state.now.row).text)}, as it passes through the model ${epochs.long(model.nearest(state.now.epoch))}${model.isEdited(state.now.epoch) ? ", with weights that you changed" : ""}.${element.querySelector("canvas") ? " Zero is the colour of the paper in every image." : ""}${isWhole ? "" : ` ${stages.length} of ${model.stages.length} stages, on the longest way to ${model.outputs.length > 1 ? model.outputs[0] : "the output"}; the data flow shows all.`}`;
  };
  state.watch(["row", "epoch", "theme"], whenSeen(element, draw, true));
  return element;
}

/**
 * The stages that are drawn: all of a short chain, or else those on the longest way to the output. Of a long way it is the
 * first and the last stage and, where outputs were recorded, the last one of each shape, or of each size of image; or
 * some at even distances, where there are few shapes.
 *
 * @param {Model} model
 * @param {State} state
 * @returns {Layer[]}
 */
function stations(model, state) {
  // Several outputs may end a chain.
  const chain = model.stages.every((stage, at) => stage.inputs.length === (at ? 1 : 0) && (!at || model.outputs.includes(stage.name) || stage.inputs[0].source === model.stages[at - 1].name));
  if (chain && model.stages.length <= MOST_STAGES) return model.stages;
  /** @type {Map<string, Layer[]>} the longest way to each stage */
  const ways = new Map();
  for (const stage of model.stages) {
    const before = stage.inputs.map(({ source }) => ways.get(source ?? "") ?? []).reduce((one, other) => (other.length > one.length ? other : one), []);
    ways.set(stage.name, [...before, stage]);
  }
  const way = ways.get(model.outputs[0]) ?? [];
  if (way.length <= MOST_STAGES) return way;
  const known = way.filter((stage) => model.recorded(state.at, stage.name));
  const lastOf = (/** @type {(lengths: readonly number[]) => unknown} */ kind) => {
    const kinds = known.map(({ outputs }) => String(kind(outputs[0]?.shape ?? [])));
    return known.filter((_, at) => at && at < known.length - 1 && kinds[at] !== kinds[at + 1]);
  };
  const most = MOST_STAGES - 2;
  let between = lastOf((lengths) => lengths);
  if (between.length > most) between = lastOf((lengths) => (lengths.length > 1 ? lengths.slice(0, -1) : lengths));
  if (between.length < most / 2) between = known.slice(1, -1);
  between = evenly(between, most);
  return known.length > 1 ? [known[0], ...between, known[known.length - 1]] : [];
}

/**
 * @param {Layer[]} stages
 * @param {number} most
 * @returns {Layer[]} so many of them, with the first and the last
 */
function evenly(stages, most) {
  return stages.length > most ? Array.from({ length: most }, (_, at) => stages[Math.round((at * (stages.length - 1)) / (most - 1))]) : stages;
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
  if (shape.length === 1 && areTokens(model, stage)) return worded(stage);
  if (shape.length === 1 && shape[0] <= MOST_BARS) return shape[0] > 1 && !isTable(model, stage) ? bars(shape[0], model.unitNames(stage.name), softmaxAxis(stage, 1) === 0) : told(model, stage, shape[0]);
  if (size(shape) === shape[0] && size(shape) > MOST_BARS && size(shape) <= LARGE) {
    const course = h("canvas", { style: `width: ${LARGE}px; height: ${FOLD}px` });
    return { element: course, draw: (values) => void paintImage(course, values, scaleOver(model, state, stage, ({ data }) => data, "all")) };
  }
  const few = shape.length < 2 && size(shape) <= FOLD * FOLD;
  const slice = sliceOf(shape, few ? foldOf(size(shape)) : FOLD);
  const scale = shape.length > 1 ? LARGE / Math.max(largest, 1) : 1;
  const wide = (/** @type {number} */ part) => Math.max(2, Math.round(part * scale));
  const image = isImage(model, stage);
  if (shape.length === 3 && shape[2] > 1 && !image) {
    const count = Math.min(shape[2], MOST_TILES);
    const across = Math.min(count, 8);
    const part = Math.min(1, (across > 4 ? 26 : 48) / LARGE);
    const { element, draw } = tiles(slice, { count, across, gap: 1 });
    element.style.width = `${element.width * Math.max(part * scale, LEAST_TILE / shape[1])}px`;
    return { element, draw: (values) => draw(values, [0, 0, 0], scaleOver(model, state, stage, ({ data }) => data, "all")) };
  }
  const canvas = h("canvas", { width: slice.columns, height: slice.rows });
  const cell = few ? Math.min(LARGEST_CELL, LARGE / slice.columns) : 1;
  Object.assign(canvas.style, shape.length < 2 ? { width: `${cell * slice.columns}px`, height: `${Math.min(LARGE, cell * slice.rows)}px` } : { width: `${wide(slice.columns)}px`, height: `${wide(slice.rows)}px` });
  return {
    element: canvas,
    draw: (values) => {
      if (image && shape.length === 3 && shape[2] === 3) return paintColours(canvas, values.data, shape[1], brightness(values.data));
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
function worded(stage) {
  const element = h("span", { class: "inwords" });
  return { element, draw: (values) => (element.textContent = wordsOf(stage, values)) };
}

/**
 * The features of a table's row, whose units differ, or a single number: bars would compare what cannot be compared.
 *
 * @param {Model} model
 * @param {Layer} stage
 * @param {number} count
 * @returns {{ element: HTMLElement, draw: (values: Values) => void }}
 */
function told(model, stage, count) {
  const numbers = Array.from({ length: count }, () => h("b", {}));
  return {
    element: h("span", { class: "told" }, ...numbers.flatMap((number, at) => [count > 1 && h("small", {}, nameIn(model, stage, at)), number])),
    draw: ({ data }) => numbers.forEach((number, at) => (number.textContent = brief(data[at]))),
  };
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
  if (data.length === 1 || (isTable(model, stage) && data.length <= MOST_BARS)) return "";
  if (areTokens(model, stage)) return `${data.filter((at) => at !== 0).length} of ${data.length} are ${stage.words.length ? "words" : "not 0"}`;
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
