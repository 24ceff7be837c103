// Dense layers and embeddings.

import { activate, isKnown } from "viewer/model/activation.js";
import { addBias } from "viewer/model/convolution.js";
import { areFinite, size, values } from "viewer/model/values.js";

/** @type {import("viewer/model/layers.js").Family} */
export const dense = {
  layers: ["Dense"],
  compute({ config }, [input], weights) {
    const name = config.activation ?? "linear";
    if (!weights.kernel || !isKnown(name)) return null;
    const [length, units] = weights.kernel.shape;
    const result = values([...input.shape.slice(0, -1), units]);
    const sums = new Float64Array(units);
    const skips = areFinite(weights.kernel);
    const rows = size(input.shape.slice(0, -1));
    for (let row = 0; row < rows; row++) {
      sums.fill(0);
      for (let k = 0; k < length; k++) {
        const value = input.data[row * length + k];
        if (value === 0 && skips) continue;
        for (let unit = 0; unit < units; unit++) sums[unit] += value * weights.kernel.data[k * units + unit];
      }
      result.data.set(sums, row * units);
    }
    addBias(result, weights.bias);
    return activate(name, result);
  },
  origin({ config }, [input], weights, place) {
    if (!weights.kernel) return null;
    const [length, units] = weights.kernel.shape;
    const [before, unit] = [place.slice(0, -1), place[place.length - 1]];
    const row = before.reduce((at, index, axis) => at * input.shape[axis] + index, 0);
    const terms = Array.from({ length }, (_, k) => {
      const value = input.data[row * length + k];
      const weight = weights.kernel.data[k * units + unit];
      return { place: [...before, k], value, weight, product: value * weight };
    });
    const bias = weights.bias ? weights.bias.data[unit] : null;
    return { how: "sum", terms, bias, activation: config.activation ?? "linear" };
  },
};

/** @type {import("viewer/model/layers.js").Family} */
export const embedding = {
  layers: ["Embedding"],
  compute(_, [input], { embeddings }) {
    if (!embeddings) return null;
    const [count, length] = embeddings.shape;
    const result = values([...input.shape, length]);
    for (let at = 0; at < input.data.length; at++) {
      const row = Math.trunc(input.data[at]); // Keras casts to an integer
      if (!(row >= 0 && row < count)) return null;
      result.data.set(embeddings.data.subarray(row * length, (row + 1) * length), at * length);
    }
    return result;
  },
  mask({ config }, [input]) {
    return config.mask_zero ? Uint8Array.from(input.data, (id) => Number(Math.trunc(id) !== 0)) : null;
  },
  origin(_, [input], { embeddings }, place) {
    if (!embeddings) return null;
    const before = place.slice(0, -1);
    const at = before.reduce((sum, index, axis) => sum * input.shape[axis] + index, 0);
    const value = embeddings.data[Math.trunc(input.data[at]) * embeddings.shape[1] + place[place.length - 1]];
    const term = { place: before, value: input.data[at], weight: value, product: value };
    return { how: "look-up", terms: [term], bias: null, activation: "linear" };
  },
};
