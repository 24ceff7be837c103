// The model's forward pass for one row, from recorded weights, a stage at a time.

import { LAYERS } from "viewer/model/layers.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Weights} Weights */
/** @typedef {import("viewer/model/layers.js").Mask} Mask */
/** @typedef {{ outputs: Values[], mask: Mask }} Result */

export class Evaluation {
  /**
   * @param {Map<string, Layer>} stages by name
   * @param {Map<string, Weights | null>} weights by stage; null for a stage that cannot be computed without them
   * @param {(stage: string) => Values | null} recorded the recorded output of a stage: the row itself, and what takes
   *   the place of a stage that cannot be computed here
   */
  constructor(stages, weights, recorded) {
    this.stages = stages;
    this.weights = weights;
    this.recorded = recorded;
    /** Whether no stage hides steps from those after it: a mask is not recorded, so it is computed from the row on. */
    this.open = ![...stages.values()].some((stage) => stage.layer === "Masking" || stage.config.mask_zero);
    /** @type {Map<string, Result | null>} */
    this.results = new Map();
    /** @type {Set<string>} */
    this.computed = new Set();
  }

  /**
   * @param {string} name
   * @returns {Result | null} the outputs of a stage, computed with all stages before it where that is possible
   */
  get(name) {
    const found = this.results.get(name);
    if (found !== undefined) return found;
    this.results.set(name, null); // a stage that feeds itself has no result
    const stage = this.stages.get(name);
    const result = stage ? this.compute(stage) : null;
    if (result) this.computed.add(name);
    const given = result ? null : this.recorded(name);
    const made = result ?? (given && { outputs: [given], mask: null });
    this.results.set(name, made);
    return made;
  }

  /**
   * @param {Layer} stage
   * @returns {Result | null}
   */
  compute(stage) {
    const family = LAYERS.get(stage.layer);
    const received = family && this.inputs(stage);
    const weights = this.weights.get(stage.name);
    if (!family || !received || weights === null) return null;
    const outputs = family.compute(stage, received.inputs, weights ?? {}, received.masks);
    if (!outputs) return null;
    const all = [outputs].flat();
    // A length of 0 is one that differs from call to call.
    const fits = stage.outputs.every(
      ({ shape }, at) =>
        all[at]?.shape.length === shape.length && shape.every((length, axis) => !length || length === all[at].shape[axis]),
    );
    return fits ? { outputs: all, mask: family.mask?.(stage, received.inputs, received.masks) ?? null } : null;
  }

  /**
   * @param {Layer} stage
   * @returns {{ inputs: Values[], masks: Mask[] } | null} what a stage receives, or null where one of it is not known
   */
  inputs(stage) {
    const found = stage.inputs.map(({ source, output }) => {
      const given = this.open && output === 0 ? this.recorded(source) : null;
      if (given) return { values: given, mask: null };
      const result = this.get(source);
      const values = result?.outputs[output];
      return values && { values, mask: output === 0 ? result.mask : null };
    });
    if (!found.length || found.some((one) => !one)) return null;
    const all = /** @type {{ values: Values, mask: Mask }[]} */ (found);
    return { inputs: all.map((one) => one.values), masks: all.map((one) => one.mask) };
  }
}
