// Layers whose values are copies of their input's: each output place has one input place, or none.

import { channelsFirst, offset, placeOf, size, valueAt, values } from "viewer/model/values.js";
import { perAxis } from "viewer/model/windows.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {(place: readonly number[]) => readonly number[] | null} Way from an output place to its input place */

const SAME = [
  ...["Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise", "GaussianDropout"],
  ...["AlphaDropout", "ActivityRegularization", "Identity", "InputLayer", "Masking"],
];

/** @type {import("viewer/model/layers.js").Family} */
export const reshaping = {
  layers: [
    ...SAME,
    ...["Flatten", "Reshape", "Permute", "RepeatVector", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"],
    ...["Cropping1D", "Cropping2D", "Cropping3D", "UpSampling1D", "UpSampling2D", "UpSampling3D"],
  ],
  compute(stage, [input]) {
    if (stage.layer === "Masking") return masked(stage, input);
    const way = wayOf(stage, input);
    if (!way) return null;
    const result = values(stage.outputs[0].shape);
    for (let at = 0; at < result.data.length; at++) {
      const from = way(placeOf(result.shape, at));
      if (from) result.data[at] = valueAt(input, from);
    }
    return result;
  },
  mask({ layer, config }, [input], [mask]) {
    if (layer === "Masking") return maskOf(input, config.mask_value);
    return SAME.includes(layer) ? (mask ?? null) : null;
  },
  origin(stage, [input], _, place) {
    const way = wayOf(stage, input);
    if (!way) return null;
    const from = way(place);
    const value = from ? valueAt(input, from) : 0;
    return { how: "copy", terms: [{ place: from, value, weight: 1, product: value }], bias: null, activation: "linear" };
  },
};

/**
 * @param {Layer} stage
 * @param {Values} input
 * @returns {Way | null}
 */
function wayOf(stage, input) {
  const { layer, config } = stage;
  if (SAME.includes(layer)) return (place) => place;
  if (layer === "Permute") {
    const dims = /** @type {number[]} */ (config.dims);
    return (place) => {
      const from = new Array(place.length);
      dims.forEach((axis, k) => (from[axis - 1] = place[k]));
      return from;
    };
  }
  if (layer === "RepeatVector") return (place) => place.slice(1);
  if (layer === "Flatten" || layer === "Reshape") return listed(stage, input);
  const rank = input.shape.length - 1;
  const first = channelsFirst(config) ? 1 : 0;
  const spatial = (/** @type {(index: number, axis: number) => number} */ move) => (/** @type {readonly number[]} */ place) => {
    const from = place.map((index, axis) =>
      axis - first >= 0 && axis - first < rank ? move(index, axis - first) : index,
    );
    return from.every((index, axis) => index >= 0 && index < input.shape[axis]) ? from : null;
  };
  if (layer.startsWith("UpSampling")) {
    if ((config.interpolation ?? "nearest") !== "nearest") return null;
    const factors = perAxis(config.size, rank);
    return spatial((index, axis) => Math.floor(index / factors[axis]));
  }
  const before = pairs(config.padding ?? config.cropping, rank);
  const sign = layer.startsWith("Cropping") ? 1 : -1;
  return spatial((index, axis) => index + sign * before[axis]);
}

/**
 * @param {Layer} stage
 * @param {Values} input
 * @returns {Way} that keeps the order of the values
 */
function listed({ layer, config, outputs }, input) {
  const first = layer === "Flatten" && channelsFirst(config) && input.shape.length > 1;
  if (!first) return (place) => placeOf(input.shape, offset(outputs[0].shape, place));
  const last = [...input.shape.slice(1), input.shape[0]]; // Keras flattens with the channels last
  return (place) => {
    const from = placeOf(last, offset(outputs[0].shape, place));
    return [from[from.length - 1], ...from.slice(0, -1)];
  };
}

/**
 * @param {number | (number | number[])[]} given padding or cropping, as Keras keeps it
 * @param {number} rank
 * @returns {number[]} of each axis what is added or cut before the first value
 */
function pairs(given, rank) {
  if (typeof given === "number") return new Array(rank).fill(given);
  if (rank === 1) return [[given].flat(2)[0]].map(Number);
  return given.map((pair) => (Array.isArray(pair) ? pair[0] : pair));
}

/**
 * @param {Values} input (steps, features)
 * @param {number} hidden
 * @returns {Uint8Array} 1 for the steps that have another value than this
 */
function maskOf(input, hidden) {
  const steps = size(input.shape.slice(0, -1));
  const length = input.data.length / steps;
  return Uint8Array.from({ length: steps }, (_, step) =>
    Number(input.data.subarray(step * length, (step + 1) * length).some((x) => x !== hidden)),
  );
}

/**
 * @param {Layer} stage
 * @param {Values} input
 * @returns {Values} with zeros where the mask hides a step
 */
function masked({ config }, input) {
  const mask = maskOf(input, config.mask_value);
  const length = input.data.length / mask.length;
  return values(input.shape, input.data.map((x, at) => (mask[Math.floor(at / length)] ? x : 0)));
}
