// Which place of a stage is looked at, and what its stage gives.

import { carried, placeText } from "viewer/draw/slice.js";
import { counted, dimensions } from "viewer/figures.js";
import { softmaxAxis } from "viewer/model/activation.js";
import { channelsFirst, offset, placeOf } from "viewer/model/values.js";

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
 * @param {Model} model
 * @param {Layer} stage
 * @returns {boolean} whether its numbers stand for words or for entries of a table, so that they have no size
 */
export function areTokens(model, stage) {
  return stage.words.length > 0 || model.consumers(stage.name).some(({ layer }) => layer === "Embedding");
}

/**
 * @param {Model} model
 * @param {Layer} stage
 * @returns {string} how much it gives, such as "26 × 26 × 32"
 */
export function extentOf(model, stage) {
  const shape = stage.outputs[0]?.shape ?? [];
  const text = !shape.length && model.consumers(stage.name).some(({ layer }) => ["TextVectorization", "StringLookup"].includes(layer));
  return text ? "one text" : dimensions(shape);
}

/**
 * @param {Model} model
 * @param {Layer} stage that gives a list
 * @param {number} at
 * @returns {string} what a number of it is called
 */
export function nameIn(model, stage, at) {
  const kind = softmaxAxis(stage, 1) === 0 ? "class" : areTokens(model, stage) ? "word" : stage.parameters && stage.layer !== "Normalization" ? "unit" : "value";
  return model.unitNames(stage.name)[at] ?? `${kind} ${counted(at)}`;
}

/**
 * @param {Model} model
 * @param {Layer} stage
 * @param {readonly number[]} place
 * @returns {string} a place of it in words
 */
export function placeName(model, stage, place) {
  const shape = stage.outputs[0]?.shape ?? [];
  if (shape.length === 1) {
    const found = nameIn(model, stage, place[0]);
    return softmaxAxis(stage, 1) !== 0 || found.startsWith("class ") ? found : `class ${found}`;
  }
  const name = shape.length === 2 && model.unitNames(stage.name)[place[1]];
  return name ? `step ${place[0]}, ${name}` : placeText(shape, place);
}

/**
 * @param {Model} model
 * @param {import("viewer/model/model.js").At} at
 * @param {Layer} before a stage's first input
 * @param {readonly number[]} place in it
 * @returns {{ stage: Layer, place: readonly number[], text: string }} where the value stood before it was flattened or joined
 */
export function tracedName(model, at, before, place) {
  const { stage, place: found } = model.traced(at, before, place);
  const joined = stage !== before && found.length === 1 && !model.unitNames(stage.name).length;
  const text = joined ? `${stage.name}${stage.outputs[0].shape[0] > 1 ? ` ${found[0]}` : ""}` : placeName(model, stage, found);
  return { stage, place: found, text };
}

/**
 * Open a stage where the chosen place leads in it.
 *
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 */
export function openStage(model, state, stage) {
  model.within(() => {
    const place = placeIn(model, state, stage);
    state.open(stage.name, model.isWaiting(state.at, stage.name) ? null : place);
  });
}

/**
 * The place in a stage that the chosen place stands for: the same filter everywhere, the same part of the image. Where
 * the open stage has no such places, such as one of classes, the one that was looked at last stays.
 *
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 * @returns {number[]}
 */
export function placeIn(model, state, stage) {
  const chosen = model.byName.get(state.now.stage);
  const rank = chosen?.outputs[0]?.shape.length;
  const place = state.now.place?.length === rank ? state.now.place : null;
  if (chosen === stage) return [...(place ?? strongest(model, state, stage))];
  const found = chosen && rank && reached(model, state, stage, chosen, place ?? strongest(model, state, chosen));
  if (found) return found;
  for (const last of [...state.latest.values()].reverse()) {
    const before = model.byName.get(last.stage);
    const kept = before && reached(model, state, stage, before, last.place);
    if (kept) return kept;
  }
  return [...strongest(model, state, stage)];
}

/**
 * @param {Model} model
 * @param {State} state
 * @param {Layer} stage
 * @param {Layer} chosen
 * @param {readonly number[]} place in the chosen stage
 * @returns {number[] | null} the place in a stage that it stands for; null where there is none
 */
function reached(model, state, stage, chosen, place) {
  const [from, to] = [chosen.outputs[0].shape, stage.outputs[0]?.shape ?? []];
  if (from.length !== to.length) {
    const [before, source] = [rewritten(model, stage), rewritten(model, chosen)];
    const found = before ? reached(model, state, before, chosen, place) : null;
    if (before) return found && placeOf(to, offset(before.outputs[0].shape, found));
    return source ? reached(model, state, stage, source, placeOf(source.outputs[0].shape, offset(from, place))) : null;
  }
  // A position in one list says nothing of another list.
  if (to.length === 1 && from[0] !== to[0]) return null;
  const { channel } = state.now;
  // Through a stage with one channel the chosen one is kept.
  const kept = to.length > 2 && from[from.length - 1] === 1 && channel !== null && channel < to[to.length - 1];
  const near = carried(place, from, to);
  return kept ? [...near.slice(0, -1), channel] : near;
}

/**
 * @param {Model} model
 * @param {Layer} stage
 * @returns {Layer | undefined} whose values it writes in another shape, in the same order
 */
function rewritten(model, { layer, config, inputs }) {
  return ["Flatten", "Reshape"].includes(layer) && !channelsFirst(config) ? model.byName.get(inputs[0]?.source) : undefined;
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
