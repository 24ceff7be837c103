// A row as a small picture, or in words where it is no image.

import { paint, paintColours } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { isImage } from "viewer/explore/place.js";
import { scaleOf } from "viewer/draw/picture.js";
import { plane, sliceOf } from "viewer/draw/slice.js";
import { brief } from "viewer/figures.js";

/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/values.js").Values} Values */

const MOST_FEATURES = 3;
const MOST_WORDS = 12;

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
  return found !== null && found.values.shape.length > 1 && paintImage(canvas, found.values);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Values} values of an image
 * @param {{ most: number, ramp: import("viewer/colour.js").Ramp }} [scale] its own when left out
 * @returns {true}
 */
export function paintImage(canvas, values, scale) {
  if (values.shape.length === 3 && values.shape[2] === 3 && !scale) {
    paintColours(canvas, values.data, values.shape[1], 0, values.data.some((value) => value > 1) ? 255 : 1);
    return true;
  }
  const slice = sliceOf(values.shape);
  const { most, ramp } = scale ?? scaleOf(values.data, true);
  paint(canvas, plane(values, slice, values.shape.map(() => 0)), slice.columns, most, ramp);
  return true;
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
  const words = wordsOf(model, found.stage);
  const data = [...found.values.data];
  if (words) {
    const known = data.filter((token) => token !== 0).map((token) => words[token] ?? String(token));
    return known.slice(0, MOST_WORDS).join(" ") + (known.length > MOST_WORDS ? " …" : "");
  }
  const names = model.unitNames(found.stage.name);
  const parts = data.slice(0, MOST_FEATURES).map((value, at) => `${names[at] ? `${names[at]} ` : ""}${brief(value)}`);
  return parts.join(", ") + (data.length > MOST_FEATURES ? " …" : "");
}

/**
 * @param {Model} model
 * @param {Layer} stage
 * @returns {readonly string[] | null} the words that the numbers of a stage stand for, where a vocabulary was recorded
 */
export function wordsOf(model, stage) {
  return stage.words.length ? stage.words : null;
}
