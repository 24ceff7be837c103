// A row as a small picture, or in words where it is no image.

import { brightness, paint, paintColours } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { areTokens, isImage } from "viewer/explore/place.js";
import { scaleOf } from "viewer/draw/picture.js";
import { plane, sliceOf } from "viewer/draw/slice.js";
import { brief } from "viewer/figures.js";

/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/values.js").Values} Values */

const MOST_FEATURES = 3;
const MOST_WORDS = 12;
/** Values of a series that is drawn as bars, and how high these are in pixels. */
const [LEAST_SERIES, MOST_HIGH] = [12, 64];

/**
 * @param {Model} model
 * @param {number} row
 * @returns {{ stage: Layer, values: Values } | null} the first thing that the model, or the steps before it, received
 */
export function sourceOf(model, row) {
  for (const stage of model.stages) {
    if (!isImage(model, stage)) continue;
    const values = model.recorded({ row, epoch: model.end }, stage.name);
    if (values) return { stage, values };
  }
  return null;
}

/**
 * @param {Model} model
 * @param {number} row
 * @returns {HTMLElement} its image, or what it is in words
 */
export function thumbnail(model, row) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  return paintRow(canvas, model, row) ? canvas : h("span", { class: "inwords" }, inWords(model, row));
}

/**
 * Paint the first source of a row, where that is an image.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {Model} model
 * @param {number} row
 * @returns {boolean} whether it is one
 */
export function paintRow(canvas, model, row) {
  const found = sourceOf(model, row);
  if (!found || (found.values.shape.length < 2 && !isSeries(model, found.stage))) return false;
  return paintImage(canvas, found.values);
}

/**
 * @param {Model} model
 * @param {Layer} stage
 * @returns {boolean} whether it gives a table's row, whose features may differ in their units
 */
export function isTable(model, stage) {
  return !stage.inputs.length && stage.outputs[0]?.shape.length === 1 && !areTokens(model, stage) && !isSeries(model, stage);
}

/**
 * @param {Model} model
 * @param {Layer} stage that gives a row's values
 * @returns {boolean} whether they are many and have no names, so that their course says more than the first of them
 */
export function isSeries(model, stage) {
  return stage.outputs[0].shape[0] >= LEAST_SERIES && !model.unitNames(stage.name).length && !areTokens(model, stage);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Values} values of an image
 * @param {{ most: number, ramp: import("viewer/colour.js").Ramp }} [scale] its own when left out
 * @returns {true}
 */
export function paintImage(canvas, values, scale) {
  if (values.shape.length === 3 && values.shape[2] === 3 && !scale) {
    paintColours(canvas, values.data, values.shape[1], brightness(values.data));
    return true;
  }
  const slice = sliceOf(values.shape);
  const { most, ramp } = scale ?? scaleOf(values.data, true);
  const flat = values.shape.length === 1 || (values.shape.length === 2 && values.shape[1] === 1);
  if (flat && values.data.length >= LEAST_SERIES) {
    paint(canvas, course(values.data, most, ramp === "signed"), values.data.length, most, ramp);
    return true;
  }
  paint(canvas, plane(values, slice, values.shape.map(() => 0)), slice.columns, most, ramp);
  return true;
}

/**
 * @param {Float32Array} values
 * @param {number} most
 * @param {boolean} signed
 * @returns {Float32Array} row by row: a column for each value, as high as it is from the bottom, or from the middle
 */
function course(values, most, signed) {
  const [columns, half] = [values.length, Math.ceil(Math.min(values.length, MOST_HIGH) / 2)];
  const cells = new Float32Array(2 * half * columns);
  values.forEach((value, column) => {
    const zero = signed ? half : 2 * half;
    const high = Math.round(((signed ? half : 2 * half) * Math.min(most, Math.abs(value))) / most);
    for (let at = 0; at < high; at++) cells[(value < 0 ? zero + at : zero - 1 - at) * columns + column] = value;
  });
  return cells;
}

/**
 * @param {Model} model
 * @param {number} row
 * @returns {string} the words of a text, or the first values of a table's row
 */
export function inWords(model, row) {
  const text = model.rows.textOf(row);
  if (text !== null) return text;
  const found = sourceOf(model, row);
  if (!found) return `Row ${row}`;
  const data = [...found.values.data];
  if (areTokens(model, found.stage)) return wordsOf(found.stage, found.values);
  const names = model.unitNames(found.stage.name);
  const parts = data.slice(0, MOST_FEATURES).map((value, at) => `${names[at] ? `${names[at]} ` : ""}${brief(value)}`);
  return parts.join(", ") + (data.length > MOST_FEATURES ? " …" : "");
}

/**
 * @param {Layer} stage whose numbers are tokens
 * @param {Values} values
 * @returns {string} the words that they stand for, or the numbers where no vocabulary was recorded; 0 is padding
 */
export function wordsOf({ words }, { data }) {
  const known = [...data].filter((token) => token !== 0).map((token) => words[token] ?? String(token));
  return known.slice(0, MOST_WORDS).join(" ") + (known.length > MOST_WORDS ? " …" : "");
}
