// The features that a row consists of, where the model receives nothing but a few numbers that each mean the same in
// every row.

import { sources } from "viewer/own/check.js";
import { values } from "viewer/model/values.js";

/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/values.js").Values} Values */

/**
 * @typedef {object} Feature
 * @property {string} stage that gives it
 * @property {number} index of it in what the stage gives
 * @property {string} name
 * @property {number} low the end of the axis, a little below what is recorded
 * @property {number} high
 */

const MOST_FEATURES = 60;
/** An axis goes so much beyond the recorded values, as a share of their range. */
const MARGIN = 0.08;

/**
 * @param {Model} model
 * @returns {Feature[]} none where the rows are images, texts, sequences or longer lists
 */
export function featuresOf(model) {
  const names = sources(model) ?? [];
  const stages = names.flatMap((name) => model.byName.get(name) ?? []);
  const numbers = stages.every((stage) => stage.outputs[0].shape.length === 1 && !stage.words.length && !model.consumers(stage.name).some(({ layer }) => layer === "Embedding"));
  const count = stages.reduce((sum, stage) => sum + stage.outputs[0].shape[0], 0);
  if (!numbers || count < 1 || count > MOST_FEATURES) return [];
  return stages.flatMap((stage) =>
    Array.from({ length: stage.outputs[0].shape[0] }, (_, index) => {
      const own = model.unitNames(stage.name)[index] ?? (stage.outputs[0].shape[0] > 1 ? `value ${index} of ${stage.name}` : stage.name);
      return { stage: stage.name, index, name: own, ...rangeOf(model, stage.name, index) };
    }),
  );
}

/**
 * @param {Model} model
 * @param {string} stage
 * @param {number} index
 * @returns {{ low: number, high: number }}
 */
function rangeOf(model, stage, index) {
  let [low, high] = [Infinity, -Infinity];
  for (const row of model.rows.all.keys()) {
    const value = model.recorded({ row, epoch: model.end }, stage)?.data[index] ?? NaN;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(low <= high)) return { low: 0, high: 1 };
  const beyond = high > low ? MARGIN * (high - low) : Math.max(1, Math.abs(low)) / 2;
  return { low: low - beyond, high: high + beyond };
}

/**
 * @param {Model} model
 * @param {readonly Feature[]} features all of them
 * @param {number} row
 * @returns {Map<string, Values>} what a row consists of, by stage; a copy that may be changed
 */
export function valuesOf(model, features, row) {
  const stages = new Set(features.map(({ stage }) => stage));
  return new Map([...stages].flatMap((stage) => {
    const found = model.recorded({ row, epoch: model.end }, stage);
    return found ? [[stage, values(found.shape, found.data.slice())]] : [];
  }));
}
