// Activation functions, as Keras 3 defines them.

import { size, valueAt, values } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */

const SELU_ALPHA = 1.6732632423543772;
const SELU_SCALE = 1.0507009873554805;

const sigmoid = (/** @type {number} */ x) => 1 / (1 + Math.exp(-x));
const softplus = (/** @type {number} */ x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
const clip = (/** @type {number} */ x, /** @type {number} */ low, /** @type {number} */ high) =>
  Math.min(Math.max(x, low), high);
const elu = (/** @type {number} */ x, alpha = 1) => (x > 0 ? x : alpha * Math.expm1(x));

/**
 * The error function, to the last digits of a float: its series 7.1.6 in Abramowitz and Stegun, which has no
 * cancellation.
 *
 * @param {number} x
 * @returns {number}
 */
export function erf(x) {
  if (Number.isNaN(x) || Math.abs(x) > 6) return Number.isNaN(x) ? x : Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** @type {Record<string, (x: number) => number>} */
export const ELEMENTWISE = {
  linear: (x) => x,
  relu: (x) => (x < 0 ? 0 : x),
  relu6: (x) => clip(x, 0, 6),
  leaky_relu: (x) => (x < 0 ? 0.2 * x : x),
  elu: (x) => elu(x),
  celu: (x) => elu(x),
  selu: (x) => SELU_SCALE * elu(x, SELU_ALPHA),
  sigmoid,
  log_sigmoid: (x) => -softplus(-x),
  hard_sigmoid: (x) => clip(x + 3, 0, 6) / 6,
  tanh: Math.tanh,
  hard_tanh: (x) => clip(x, -1, 1),
  tanh_shrink: (x) => x - Math.tanh(x),
  softplus,
  softsign: (x) => x / (1 + Math.abs(x)),
  silu: (x) => x * sigmoid(x),
  swish: (x) => x * sigmoid(x),
  hard_silu: (x) => (x * clip(x + 3, 0, 6)) / 6,
  hard_swish: (x) => (x * clip(x + 3, 0, 6)) / 6,
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  mish: (x) => x * Math.tanh(softplus(x)),
  exponential: Math.exp,
  squareplus: (x) => (x + Math.sqrt(x * x + 4)) / 2,
};

/**
 * Whether the function of this name can be computed here.
 *
 * @param {unknown} name
 * @returns {name is string}
 */
export function isKnown(name) {
  return typeof name === "string" && (name === "softmax" || name === "log_softmax" || name in ELEMENTWISE);
}

/**
 * @param {string} name
 * @param {Values} tensor changed in place
 * @returns {Values}
 */
export function activate(name, tensor) {
  if (name === "softmax" || name === "log_softmax") return softmax(tensor, tensor.shape.length - 1, name !== "softmax");
  const function_ = ELEMENTWISE[name];
  if (name !== "linear") tensor.data.forEach((x, at) => (tensor.data[at] = function_(x)));
  return tensor;
}

/**
 * @param {Values} tensor
 * @param {number} axis along which the results sum to 1
 * @param {boolean} [log] give their logarithms
 * @returns {Values}
 */
export function softmax(tensor, axis, log = false) {
  const { shape, data } = tensor;
  const length = shape[axis];
  const inner = size(shape.slice(axis + 1));
  const result = values(shape);
  for (let start = 0; start < data.length; start += length * inner)
    for (let within = 0; within < inner; within++) {
      const at = (/** @type {number} */ k) => start + within + k * inner;
      let largest = -Infinity;
      for (let k = 0; k < length; k++) largest = Math.max(largest, data[at(k)]);
      let sum = 0;
      for (let k = 0; k < length; k++) sum += Math.exp(data[at(k)] - largest);
      for (let k = 0; k < length; k++) {
        const power = data[at(k)] - largest;
        result.data[at(k)] = log ? power - Math.log(sum) : Math.exp(power) / sum;
      }
    }
  return result;
}

/**
 * What a layer that only activates does with one value, or null for a softmax.
 *
 * @param {Layer} layer
 * @param {import("viewer/model/layers.js").Weights} weights
 * @returns {((x: number, at: number) => number) | null}
 */
function elementwise({ layer, config }, weights) {
  if (layer === "Activation") return isKnown(config.activation) ? (ELEMENTWISE[config.activation] ?? null) : null;
  if (layer === "LeakyReLU") return (x) => (x < 0 ? config.negative_slope * x : x);
  if (layer === "ELU") return (x) => elu(x, config.alpha);
  if (layer === "ReLU") {
    const { max_value: most, negative_slope: slope, threshold } = config;
    return (x) => (x < threshold ? slope * (x - threshold) : Math.min(x, most ?? Infinity));
  }
  if (layer === "PReLU" && !config.shared_axes && weights.alpha) {
    const alpha = weights.alpha.data;
    return (x, at) => (x < 0 ? alpha[at] * x : x);
  }
  return null;
}

/** @type {import("viewer/model/layers.js").Family} */
export const activation = {
  layers: ["Activation", "ReLU", "LeakyReLU", "ELU", "PReLU", "Softmax"],
  compute(stage, [input], weights) {
    const axis = softmaxAxis(stage, input.shape.length);
    if (axis !== null) return softmax(input, axis, stage.config.activation === "log_softmax");
    const function_ = elementwise(stage, weights);
    return function_ && values(input.shape, input.data.map(function_));
  },
  origin(stage, [input], _, place) {
    const value = valueAt(input, place);
    const { layer, config } = stage;
    const plain = layer === "ReLU" && config.max_value === null && !config.negative_slope && !config.threshold;
    const activation = plain ? "relu" : (config.activation ?? layer);
    return { how: "sum", terms: [{ place, value, weight: 1, product: value }], bias: null, activation };
  },
};

/**
 * @param {Layer} stage
 * @param {number} rank
 * @returns {number | null} the axis of a softmax, or null where it is none
 */
export function softmaxAxis({ layer, config }, rank) {
  if (layer === "Softmax") return typeof config.axis === "number" ? (config.axis + rank + 1) % (rank + 1) - 1 : null;
  return String(config.activation).endsWith("softmax") ? rank - 1 : null;
}
