// The model's forward pass for one row, from recorded weights, a stage at a time.

import { LAYERS } from "viewer/model/layers.js";
import { size } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Weights} Weights */
/** @typedef {import("viewer/model/layers.js").Mask} Mask */
/** @typedef {{ outputs: Values[], mask: Mask }} Result */

/** A stage is to be computed later. */
class Later extends Error {}

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
    this.allowance = { left: Infinity };
    /** @type {(stage: string) => void} */
    this.wait = () => {};
  }

  /**
   * @param {{ left: number }} allowance how many multiplications may be done now
   * @param {(stage: string) => void} wait called where these do not suffice
   */
  limit(allowance, wait) {
    this.allowance = allowance;
    this.wait = wait;
  }

  /**
   * @param {string} name
   * @returns {Result | null} the outputs of a stage, computed with all stages before it where that is possible; null too
   *   where that is put off
   */
  get(name) {
    return this.now(name, () => this.find(name));
  }

  /**
   * @param {Layer} stage
   * @returns {{ inputs: Values[], masks: Mask[] } | null} what a stage receives, or null where one of it is not known, or
   *   is put off
   */
  inputs(stage) {
    return this.now(stage.name, () => this.received(stage));
  }

  /**
   * Compute a stage and what it depends on, one stage after the other.
   *
   * @param {string} name
   * @param {number} until when to stop, as `performance.now` tells it
   * @returns {boolean} whether all of it is computed
   */
  advance(name, until) {
    for (const each of this.missing(name)) {
      if (performance.now() > until) return false;
      this.find(each);
    }
    return true;
  }

  /**
   * @param {string} name
   * @param {Set<string>} [found] added to
   * @param {Set<string>} [seen]
   * @returns {Set<string>} the stages that a stage depends on and that are not computed yet, in order, itself the last
   */
  missing(name, found = new Set(), seen = new Set()) {
    if (this.results.has(name) || seen.has(name)) return found;
    seen.add(name);
    for (const { source, output } of this.stages.get(name)?.inputs ?? []) if (!this.given(source, output)) this.missing(source, found, seen);
    return found.add(name);
  }

  /**
   * @template T
   * @param {string} name
   * @param {() => T | null} work
   * @returns {T | null} null where the work is put off
   */
  now(name, work) {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Later)) throw error;
      this.wait(name);
      return null;
    }
  }

  /**
   * @param {string} name
   * @returns {Result | null}
   */
  find(name) {
    const found = this.results.get(name);
    if (found !== undefined) return found;
    this.results.set(name, null); // a stage that feeds itself has no result
    const stage = this.stages.get(name);
    let result;
    try {
      result = stage ? this.compute(stage) : null;
    } catch (error) {
      this.results.delete(name);
      throw error;
    }
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
    const received = family && this.received(stage);
    const weights = this.weights.get(stage.name);
    if (!family || !received || weights === null) return null;
    const needed = work(stage, weights ?? {});
    if (this.allowance.left < needed) throw new Later();
    this.allowance.left -= needed;
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
  received(stage) {
    const found = stage.inputs.map(({ source, output }) => {
      const given = this.given(source, output);
      if (given) return { values: given, mask: null };
      const result = this.find(source);
      const values = result?.outputs[output];
      return values && { values, mask: output === 0 ? result.mask : null };
    });
    if (!found.length || found.some((one) => !one)) return null;
    const all = /** @type {{ values: Values, mask: Mask }[]} */ (found);
    return { inputs: all.map((one) => one.values), masks: all.map((one) => one.mask) };
  }

  /**
   * @param {string} source
   * @param {number} output
   * @returns {Values | null} what was recorded of an output, which need not be computed then
   */
  given(source, output) {
    return this.open && output === 0 ? this.recorded(source) : null;
  }
}

/**
 * @param {Layer} stage
 * @param {Weights} weights
 * @returns {number} about how many multiplications it takes: each weight once at every position, and one a value
 */
function work({ outputs }, weights) {
  const shape = outputs[0]?.shape ?? [];
  return size(shape) + size(shape.slice(0, -1)) * Object.values(weights).reduce((sum, each) => sum + each.data.length, 0);
}
