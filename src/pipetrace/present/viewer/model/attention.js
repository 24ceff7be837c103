// Attention: queries compared with keys, and the mean of the values weighted by how well they fit.

import { softmax } from "viewer/model/activation.js";
import { values } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Weights} Weights */

const HIDDEN = -1e9;

/** @type {import("viewer/model/layers.js").Family} */
export const attention = {
  layers: ["MultiHeadAttention", "Attention"],
  compute(stage, inputs, weights, masks) {
    const [query, value] = inputs;
    const parts = partsOf(stage, inputs, weights);
    if (!parts) return null;
    const scores = softmax(compared(parts, hiddenIn(stage, masks)), 2);
    const heads = weighted(scores, parts.value);
    if (stage.layer !== "MultiHeadAttention") {
      const [, targets, sources] = scores.shape;
      return [values(query.shape.slice(0, 1).concat(value.shape[1]), heads.data), values([targets, sources], scores.data)];
    }
    const result = joined(heads, weights);
    return result && [result, scores];
  },
  mask(_, __, [mask]) {
    return mask ?? null;
  },
  origin(stage, inputs, weights, place, masks) {
    const kernel = weights["attention_output/kernel"];
    const parts = partsOf(stage, inputs, weights);
    if (!parts) return null;
    const scores = softmax(compared(parts, hiddenIn(stage, masks)), 2);
    const [heads, targets, sources] = scores.shape;
    const [step, feature] = place;
    const length = parts.value.shape[2];
    /** @type {import("viewer/model/layers.js").Term[]} */
    const terms = [];
    if (stage.layer === "Attention") {
      for (let source = 0; source < sources; source++) {
        const [score, weight] = [scores.data[step * sources + source], parts.value.data[source * length + feature]];
        terms.push({ label: `step ${source}`, place: null, value: score, weight, product: score * weight });
      }
      return { how: "sum", terms, bias: null, activation: "linear" };
    }
    if (!kernel) return null;
    const width = kernel.shape[2];
    for (let head = 0; head < heads; head++)
      for (let source = 0; source < sources; source++) {
        const score = scores.data[(head * targets + step) * sources + source];
        let weight = 0;
        for (let k = 0; k < length; k++)
          weight +=
            parts.value.data[(head * sources + source) * length + k] * kernel.data[(head * length + k) * width + feature];
        terms.push({ label: `head ${head}, step ${source}`, place: null, value: score, weight, product: score * weight });
      }
    return { how: "sum", terms, bias: weights["attention_output/bias"]?.data[feature] ?? null, activation: "linear" };
  },
};

/**
 * How much each step looks at each other one.
 *
 * @param {import("viewer/model/layers.js").Layer} stage
 * @param {Values[]} inputs
 * @param {Weights} weights
 * @param {import("viewer/model/layers.js").Mask[]} masks
 * @returns {{ raw: Values, scores: Values, scale: number } | null} by head, step and step: before and after the softmax;
 *   null for another layer
 */
export function scoresOf(stage, inputs, weights, masks) {
  const parts = partsOf(stage, inputs, weights);
  if (!parts) return null;
  const raw = compared(parts, hiddenIn(stage, masks));
  return { raw, scores: softmax(raw, 2), scale: parts.scale };
}

/**
 * @param {import("viewer/model/layers.js").Layer} stage
 * @param {Values[]} inputs
 * @param {Weights} weights
 * @returns {Parts | null}
 */
function partsOf(stage, inputs, weights) {
  const [query, value] = inputs;
  const isOurs = attention.layers.includes(stage.layer) && !stage.config.use_gate && !stage.config.sliding_window;
  if (!isOurs || !value || query.shape.length !== 2) return null;
  const given = { query, key: inputs[2] ?? value, value };
  return stage.layer === "MultiHeadAttention" ? projected(weights, given) : single(stage.config, weights, given);
}

/**
 * @param {import("viewer/model/layers.js").Layer} stage
 * @param {import("viewer/model/layers.js").Mask[]} masks
 * @returns {Uint8Array | null} of the steps that can be looked at
 */
function hiddenIn(stage, masks) {
  return masks[1] ?? (stage.layer === "MultiHeadAttention" ? (masks[2] ?? null) : null);
}

/** @typedef {{ query: Values, key: Values, value: Values, scale: number }} Parts each (heads, steps, features) */
/** @typedef {{ query: Values, key: Values, value: Values }} Three */

/**
 * @param {Weights} weights
 * @param {Three} given
 * @returns {Parts | null}
 */
function projected(weights, given) {
  const project = (/** @type {keyof Three} */ name) => {
    const kernel = weights[`${name}/kernel`];
    const bias = weights[`${name}/bias`];
    if (!kernel) return null;
    const [depth, heads, length] = kernel.shape;
    const input = given[name];
    const result = values([heads, input.shape[0], length]);
    for (let head = 0; head < heads; head++)
      for (let step = 0; step < input.shape[0]; step++)
        for (let k = 0; k < length; k++) {
          let sum = bias ? bias.data[head * length + k] : 0;
          for (let d = 0; d < depth; d++)
            sum += input.data[step * depth + d] * kernel.data[(d * heads + head) * length + k];
          result.data[(head * input.shape[0] + step) * length + k] = sum;
        }
    return result;
  };
  const [query, key, value] = [project("query"), project("key"), project("value")];
  return query && key && value && { query, key, value, scale: 1 / Math.sqrt(query.shape[2]) };
}

/**
 * @param {Record<string, any>} config
 * @param {Weights} weights
 * @param {Three} given
 * @returns {Parts | null} with one head
 */
function single(config, weights, given) {
  if (config.score_mode !== "dot") return null;
  const one = (/** @type {Values} */ tensor) => values([1, ...tensor.shape], tensor.data);
  const scale = weights.scale ? weights.scale.data[0] : 1;
  return { query: one(given.query), key: one(given.key), value: one(given.value), scale };
}

/**
 * @param {Parts} parts
 * @param {Uint8Array | null} mask of the steps that are looked at
 * @returns {Values} (heads, targets, sources): how well each source fits each target, before the softmax
 */
function compared({ query, key, scale }, mask) {
  const [heads, targets, length] = query.shape;
  const sources = key.shape[1];
  const result = values([heads, targets, sources]);
  for (let head = 0; head < heads; head++)
    for (let target = 0; target < targets; target++)
      for (let source = 0; source < sources; source++) {
        let sum = 0;
        for (let k = 0; k < length; k++)
          sum += query.data[(head * targets + target) * length + k] * key.data[(head * sources + source) * length + k];
        result.data[(head * targets + target) * sources + source] = sum * scale + (mask && !mask[source] ? HIDDEN : 0);
      }
  return result;
}

/**
 * @param {Values} scores
 * @param {Values} value
 * @returns {Values} (heads, targets, features)
 */
function weighted(scores, value) {
  const [heads, targets, sources] = scores.shape;
  const length = value.shape[2];
  const result = values([heads, targets, length]);
  for (let row = 0; row < heads * targets; row++)
    for (let k = 0; k < length; k++) {
      const head = Math.floor(row / targets);
      let sum = 0;
      for (let source = 0; source < sources; source++)
        sum += scores.data[row * sources + source] * value.data[(head * sources + source) * length + k];
      result.data[row * length + k] = sum;
    }
  return result;
}

/**
 * @param {Values} heads
 * @param {Weights} weights
 * @returns {Values | null} (targets, features)
 */
function joined(heads, weights) {
  const kernel = weights["attention_output/kernel"];
  const bias = weights["attention_output/bias"];
  if (!kernel || kernel.shape.length !== 3) return null;
  const [count, targets, length] = heads.shape;
  const width = kernel.shape[2];
  const result = values([targets, width]);
  for (let target = 0; target < targets; target++)
    for (let out = 0; out < width; out++) {
      let sum = bias ? bias.data[out] : 0;
      for (let head = 0; head < count; head++)
        for (let k = 0; k < length; k++)
          sum += heads.data[(head * targets + target) * length + k] * kernel.data[(head * length + k) * width + out];
      result.data[target * width + out] = sum;
    }
  return result;
}
