// Which place of a stage is looked at, and what its stage gives.

import { carried } from "viewer/draw/slice.js";
import { placeOf } from "viewer/model/values.js";

/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/state.js").State} State */

/**
 * @param {Model} model
 * @param {Layer} stage
 * @returns {boolean} whether the stage gives the row itself, as it is or scaled
 */
export function isImage(model, stage) {
  for (let at = stage; ; ) {
    if (!at.inputs.length) return true;
    const before = model.byName.get(at.inputs[0].source);
    if (!before || !["Rescaling", "Normalization", ""].includes(at.layer)) return false;
    at = before;
  }
}

/**
 * The place in a stage that the chosen place stands for: the same filter everywhere, the same part of the image.
 *
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 * @returns {number[]}
 */
export function placeIn(model, state, stage) {
  const shape = stage.outputs[0]?.shape ?? [];
  const chosen = model.byName.get(state.now.stage);
  const from = chosen?.outputs[0]?.shape;
  if (!chosen || !from || from.length !== shape.length) return [...strongest(model, state, stage)];
  // A position in one list says nothing of another list.
  if (shape.length === 1 && from[0] !== shape[0]) return [...strongest(model, state, stage)];
  const { place } = state.now;
  const here = place?.length === from.length ? [...place] : [...strongest(model, state, chosen)];
  if (chosen === stage) return here;
  const { channel } = state.now;
  // Through a stage with one channel the chosen one is kept.
  const kept = shape.length > 2 && from[from.length - 1] === 1 && channel !== null && channel < shape[shape.length - 1];
  const near = carried(here, from, shape);
  return kept ? [...near.slice(0, -1), channel] : near;
}

/** @type {WeakMap<import("viewer/model/values.js").Values, Map<number | null, number[]>>} by channel */
const FOUND = new WeakMap();

/**
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 * @returns {readonly number[]} where the largest value of a stage stands; of an image, in the channel that was chosen last
 */
function strongest(model, state, stage) {
  const values = model.output(state.at, stage.name);
  if (!values) return (stage.outputs[0]?.shape ?? []).map(() => 0);
  const channels = values.shape[values.shape.length - 1];
  const only = values.shape.length > 2 && state.now.channel !== null && state.now.channel < channels ? state.now.channel : null;
  const known = FOUND.get(values)?.get(only);
  if (known) return known;
  let best = only ?? 0;
  for (let at = best; at < values.data.length; at += only === null ? 1 : channels)
    if (values.data[at] > values.data[best] || Number.isNaN(values.data[best])) best = at;
  const place = placeOf(values.shape, best);
  FOUND.set(values, (FOUND.get(values) ?? new Map()).set(only, place));
  return place;
}
