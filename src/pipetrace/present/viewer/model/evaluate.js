// The model's forward pass for one row, from recorded weights.

import { LAYERS } from "viewer/model/layers.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Weights} Weights */
/** @typedef {import("viewer/model/layers.js").Mask} Mask */
/** @typedef {{ outputs: Values[], mask: Mask }} Result */

/**
 * Compute every stage whose inputs are known.
 *
 * @param {readonly Layer[]} stages in the order of execution
 * @param {Map<string, Weights>} weights by stage
 * @param {Map<string, Values[]>} known outputs of stages that are given: the row itself, and the recorded outputs of
 *   stages that cannot be computed here
 * @returns {Map<string, Result>}
 */
export function evaluate(stages, weights, known) {
  /** @type {Map<string, Result>} */
  const results = new Map();
  for (const stage of stages) {
    const given = known.get(stage.name);
    const result = given ? { outputs: given, mask: null } : computed(stage, weights.get(stage.name) ?? {}, results);
    if (result) results.set(stage.name, result);
  }
  return results;
}

/**
 * @param {Layer} stage
 * @param {Weights} weights
 * @param {Map<string, Result>} results of the stages before
 * @returns {Result | null}
 */
function computed(stage, weights, results) {
  const family = LAYERS.get(stage.layer);
  const received = inputsOf(stage, results);
  if (!family || !received) return null;
  const outputs = family.compute(stage, received.inputs, weights, received.masks);
  if (!outputs) return null;
  const all = [outputs].flat();
  const fits = stage.outputs.every(({ shape }, number) => `${shape}` === `${all[number]?.shape ?? null}`);
  return fits ? { outputs: all, mask: family.mask?.(stage, received.inputs, received.masks) ?? null } : null;
}

/**
 * @param {Layer} stage
 * @param {Map<string, Result>} results
 * @returns {{ inputs: Values[], masks: Mask[] } | null} what a stage receives, or null where one of it is not known
 */
export function inputsOf(stage, results) {
  const found = stage.inputs.map(({ source, output }) => {
    const result = results.get(source);
    const values = result?.outputs[output];
    return values && { values, mask: output === 0 ? result.mask : null };
  });
  if (!found.length || found.some((one) => !one)) return null;
  const all = /** @type {{ values: Values, mask: Mask }[]} */ (found);
  return { inputs: all.map((one) => one.values), masks: all.map((one) => one.mask) };
}
