// Layers that subtract a mean and divide by a deviation, and plain rescaling.

import { axisOf, placeOf, size, values } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Weights} Weights */
/** @typedef {{ mean: number, deviation: number, gain: number, shift: number }} Norm */

/** @type {import("viewer/model/layers.js").Family} */
export const normalization = {
  layers: [
    ...["BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization"],
    ...["Normalization", "Rescaling"],
  ],
  compute(stage, [input], weights) {
    const norm = normOf(stage, input, weights);
    if (!norm) return null;
    const data = input.data.map((x, at) => {
      const { mean, deviation, gain, shift } = norm(at);
      return ((x - mean) / deviation) * gain + shift;
    });
    return values(input.shape, data);
  },
  origin(stage, [input], weights, place) {
    const norm = normOf(stage, input, weights);
    if (!norm) return null;
    const at = place.reduce((sum, index, axis) => sum * input.shape[axis] + index, 0);
    const value = input.data[at];
    const steps = norm(at);
    const product = ((value - steps.mean) / steps.deviation) * steps.gain + steps.shift;
    const terms = [{ place, value, weight: steps.gain / steps.deviation, product }];
    return { how: "normalise", terms, bias: null, activation: "linear", steps };
  },
};

/**
 * What is subtracted from a value, what it is divided by, and so on, by where it stands.
 *
 * @param {Layer} stage
 * @param {Values} input
 * @param {Weights} weights
 * @returns {((at: number) => Norm) | null}
 */
function normOf({ layer, config }, input, weights) {
  const rank = input.shape.length;
  if (layer === "Rescaling") {
    const { scale, offset: shift } = config;
    if (typeof scale !== "number" || typeof shift !== "number") return null;
    return () => ({ mean: 0, deviation: 1, gain: scale, shift });
  }
  if (layer === "Normalization") return standard(config, input, weights);
  if (layer === "BatchNormalization") {
    const axis = axisOf(config.axis, rank);
    const { moving_mean: mean, moving_variance: variance, gamma, beta } = weights;
    if (!mean || !variance) return null;
    const norms = Array.from(mean.data, (each, channel) => ({
      mean: each,
      deviation: Math.sqrt(variance.data[channel] + config.epsilon),
      gain: gamma?.data[channel] ?? 1,
      shift: beta?.data[channel] ?? 0,
    }));
    const after = size(input.shape.slice(axis + 1));
    return (at) => norms[Math.floor(at / after) % norms.length];
  }
  if (config.rms_scaling) return null;
  const axes = [config.axis ?? -1].flat().map((axis) => axisOf(axis, rank));
  const grouped = layer === "GroupNormalization";
  const group = grouped ? groupOf(config, input, axes[0]) : regionOf(input, axes);
  const moments = momentsOf(input, group, layer);
  const epsilon = config.epsilon ?? 1e-12;
  return (at) => {
    const place = placeOf(input.shape, at);
    const parameter = axes.reduce((sum, axis) => sum * input.shape[axis] + place[axis], 0);
    const { mean, square, sum } = moments[group(at)];
    const [gain, shift] = [(weights.gamma ?? weights.scale)?.data[parameter] ?? 1, weights.beta?.data[parameter] ?? 0];
    if (layer === "UnitNormalization") return { mean: 0, deviation: Math.sqrt(Math.max(sum, epsilon)), gain: 1, shift: 0 };
    return { mean, deviation: Math.sqrt(square + epsilon), gain, shift };
  };
}

/**
 * @param {Record<string, any>} config
 * @param {Values} input
 * @param {Weights} weights
 * @returns {((at: number) => Norm) | null}
 */
function standard(config, input, weights) {
  const axes = [config.axis ?? []].flat().map((axis) => axisOf(axis, input.shape.length));
  const number = (/** @type {string} */ name) => weights[name]?.data ?? [config[name]].flat(Infinity);
  const [means, variances] = [number("mean"), number("variance")];
  if (typeof means[0] !== "number" || typeof variances[0] !== "number") return null;
  return (at) => {
    const place = placeOf(input.shape, at);
    const channel = axes.reduce((sum, axis) => sum * input.shape[axis] + place[axis], 0) % means.length;
    const deviation = Math.max(Math.sqrt(variances[channel]), 1e-7);
    if (config.invert) return { mean: 0, deviation: 1, gain: deviation, shift: means[channel] };
    return { mean: means[channel], deviation, gain: 1, shift: 0 };
  };
}

/**
 * @param {Values} input
 * @param {readonly number[]} axes
 * @returns {(at: number) => number} the number of the region, all of whose values are normalised together
 */
function regionOf(input, axes) {
  return (at) => {
    const place = placeOf(input.shape, at);
    return place.reduce((sum, index, axis) => (axes.includes(axis) ? sum : sum * input.shape[axis] + index), 0);
  };
}

/**
 * @param {Record<string, any>} config
 * @param {Values} input
 * @param {number} axis
 * @returns {(at: number) => number}
 */
function groupOf(config, input, axis) {
  const groups = config.groups === -1 ? input.shape[axis] : config.groups;
  return (at) => Math.floor((placeOf(input.shape, at)[axis] * groups) / input.shape[axis]);
}

/**
 * @param {Values} input
 * @param {(at: number) => number} group
 * @param {string} layer
 * @returns {{ mean: number, square: number, sum: number }[]} by group the mean, the mean square about it, and the sum
 *   of squares
 */
function momentsOf(input, group, layer) {
  /** @type {{ count: number, mean: number, square: number, sum: number }[]} */
  const found = [];
  const numbers = Array.from(input.data, (_, at) => group(at));
  numbers.forEach((number, at) => {
    const one = (found[number] ??= { count: 0, mean: 0, square: 0, sum: 0 });
    one.count += 1;
    one.mean += input.data[at];
    one.sum += input.data[at] ** 2;
  });
  const centred = layer === "LayerNormalization" || layer === "GroupNormalization";
  for (const one of found) one.mean = centred ? one.mean / one.count : 0;
  numbers.forEach((number, at) => (found[number].square += (input.data[at] - found[number].mean) ** 2));
  for (const one of found) one.square /= one.count;
  return found;
}
