// SimpleRNN, LSTM and GRU, step by step with their gates, and both ways.

import { ELEMENTWISE } from "viewer/model/activation.js";
import { values } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Weights} Weights */
/** @typedef {Record<string, any>} Config */
/** @typedef {{ time: number, hidden: boolean, gates: Record<string, Float64Array>, state: Float64Array }} Step */
/** @typedef {{ x: Float64Array, h: Float64Array, c: Float64Array }} Before */

/**
 * Sums of one step before the gates' functions: input times kernel, and state times recurrent kernel.
 *
 * @typedef {{ input: Float64Array, recurrent: Float64Array }} Sums
 */

/** @type {import("viewer/model/layers.js").Family} */
export const recurrent = {
  layers: ["SimpleRNN", "LSTM", "GRU", "Bidirectional"],
  compute({ layer, config }, [input], weights, [mask]) {
    if (layer === "Bidirectional") return bothWays(config, input, weights, mask);
    return run(layer, config, input, weights, mask)?.outputs ?? null;
  },
  mask({ layer, config }, _, [mask]) {
    const own = layer === "Bidirectional" ? config.layer?.config : config;
    return own?.return_sequences ? (mask ?? null) : null;
  },
  steps({ layer, config }, [input], weights, [mask], unit) {
    if (layer !== "Bidirectional") return { steps: run(layer, config, input, weights, mask)?.steps ?? [], unit, layer };
    const inner = [config.layer, config.backward_layer];
    const units = inner[0]?.config?.units;
    if (config.merge_mode !== "concat" || !units) return null;
    const { class_name: name, config: own } = inner[unit < units ? 0 : 1];
    return { steps: run(name, own, input, ownWeights(own, weights), mask)?.steps ?? [], unit: unit % units, layer: name };
  },
};

/**
 * @param {string} layer
 * @param {Config} config
 * @param {Values} input (steps, features)
 * @param {Weights} weights
 * @param {Uint8Array | null | undefined} mask
 * @returns {{ outputs: Values[], steps: Step[] } | null}
 */
function run(layer, config, input, weights, mask) {
  const cell = cellOf(layer, config, weights);
  if (!cell || config.stateful) return null;
  const [count, features] = input.shape;
  const units = config.units;
  let [h, c] = [new Float64Array(units), new Float64Array(units)];
  let given = new Float64Array(units);
  /** @type {Step[]} */
  const steps = [];
  const sequence = values([count, units]);
  for (let number = 0; number < count; number++) {
    const time = config.go_backwards ? count - 1 - number : number;
    const hidden = Boolean(mask && !mask[time]);
    const x = Float64Array.from(input.data.subarray(time * features, (time + 1) * features));
    const next = cell({ x, h, c });
    if (hidden) {
      if (config.zero_output_for_mask) given = new Float64Array(units);
    } else [h, c, given] = [next.h, next.c, next.h];
    steps.push({ time, hidden, gates: next.gates, state: h });
    sequence.data.set(given, number * units);
  }
  const last = values([units], Float32Array.from(given));
  const states = [h, ...(layer === "LSTM" ? [c] : [])].map((state) => values([units], Float32Array.from(state)));
  const outputs = [config.return_sequences ? sequence : last, ...(config.return_state ? states : [])];
  return { outputs, steps };
}

/**
 * One step of a cell, from its input and states to the next states.
 *
 * @param {string} layer
 * @param {Config} config
 * @param {Weights} weights
 * @returns {((before: Before) => { h: Float64Array, c: Float64Array, gates: Record<string, Float64Array> }) | null}
 */
function cellOf(layer, config, weights) {
  const find = (/** @type {string} */ name) =>
    Object.entries(weights).find(([key]) => key === name || key.endsWith(`/${name}`))?.[1];
  const [kernel, again, bias] = ["kernel", "recurrent_kernel", "bias"].map(find);
  const [act, gate] = [ELEMENTWISE[config.activation], ELEMENTWISE[config.recurrent_activation ?? "sigmoid"]];
  if (!kernel || !again || !act || !gate) return null;
  const units = config.units;
  const width = kernel.shape[1];
  const sums = (/** @type {Before} */ { x, h }, first = bias?.data.subarray(0, width)) => ({
    input: times(x, kernel, first),
    recurrent: times(h, again, bias?.shape.length === 2 ? bias.data.subarray(width) : undefined),
  });
  const part = (/** @type {Sums} */ { input, recurrent }, /** @type {number} */ number, f = gate) =>
    Float64Array.from({ length: units }, (_, k) => f(input[number * units + k] + recurrent[number * units + k]));
  if (layer === "SimpleRNN")
    return (before) => {
      const h = part(sums(before), 0, act);
      return { h, c: before.c, gates: { state: h } };
    };
  if (layer === "LSTM")
    return (before) => {
      const all = sums(before);
      const [input, forget, candidate, output] = [part(all, 0), part(all, 1), part(all, 2, act), part(all, 3)];
      const c = before.c.map((value, k) => forget[k] * value + input[k] * candidate[k]);
      const h = c.map((value, k) => output[k] * act(value));
      return { h, c, gates: { input, forget, candidate, output, cell: c } };
    };
  return (before) => {
    const all = sums(before);
    const [update, reset] = [part(all, 0), part(all, 1)];
    if (!config.reset_after) all.recurrent = times(before.h.map((value, k) => value * reset[k]), again);
    const candidate = Float64Array.from({ length: units }, (_, k) => {
      const kept = all.recurrent[2 * units + k] * (config.reset_after ? reset[k] : 1);
      return act(all.input[2 * units + k] + kept);
    });
    const h = before.h.map((value, k) => update[k] * value + (1 - update[k]) * candidate[k]);
    return { h, c: before.c, gates: { update, reset, candidate } };
  };
}

/**
 * @param {Float64Array} x
 * @param {Values} kernel (length, width)
 * @param {Float32Array} [bias]
 * @returns {Float64Array}
 */
function times(x, kernel, bias) {
  const width = kernel.shape[1];
  const sums = new Float64Array(width);
  if (bias) sums.set(bias);
  for (let k = 0; k < x.length; k++) {
    const value = x[k];
    for (let at = 0; at < width; at++) sums[at] += value * kernel.data[k * width + at];
  }
  return sums;
}

/**
 * @param {Config} config of the layer of one way
 * @param {Weights} weights of both
 * @returns {Weights}
 */
function ownWeights(config, weights) {
  return Object.fromEntries(Object.entries(weights).filter(([name]) => name.startsWith(`${config.name}/`)));
}

/** @type {Record<string, (one: number, other: number) => number>} */
const MERGED = { sum: (a, b) => a + b, ave: (a, b) => (a + b) / 2, mul: (a, b) => a * b };

/**
 * @param {Config} config
 * @param {Values} input
 * @param {Weights} weights
 * @param {Uint8Array | null | undefined} mask
 * @returns {Values | null}
 */
function bothWays(config, input, weights, mask) {
  const inner = [config.layer, config.backward_layer];
  if (inner.some((one) => !one?.config || one.config.return_state)) return null;
  const results = inner.map(({ class_name: layer, config: own }) => {
    return run(layer, own, input, ownWeights(own, weights), mask)?.outputs[0];
  });
  const [ahead, back] = results;
  if (!ahead || !back) return null;
  const units = ahead.shape[ahead.shape.length - 1];
  const steps = ahead.data.length / units;
  // The steps of the way back stand in the order of time again.
  const there = (/** @type {number} */ step, /** @type {number} */ k) => back.data[(steps - 1 - step) * units + k];
  if (config.merge_mode === "concat") {
    const result = values([...ahead.shape.slice(0, -1), 2 * units]);
    for (let step = 0; step < steps; step++)
      for (let k = 0; k < units; k++) {
        result.data[step * 2 * units + k] = ahead.data[step * units + k];
        result.data[step * 2 * units + units + k] = there(step, k);
      }
    return result;
  }
  const merge = MERGED[config.merge_mode];
  return merge ? values(ahead.shape, ahead.data.map((x, at) => merge(x, there(Math.floor(at / units), at % units)))) : null;
}
