// Convolutions of one, two and three axes: plain, grouped, depthwise, separable and transposed.

import { activate, isKnown } from "viewer/model/activation.js";
import {
  channelsFirst,
  channelsToFirst,
  channelsToLast,
  areFinite,
  placeOf,
  size,
  transposed,
  values,
} from "viewer/model/values.js";
import { allTaps, perAxis, sliding, spreading, tapsOf } from "viewer/model/windows.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Weights} Weights */
/** @typedef {import("viewer/model/layers.js").Term} Term */
/** @typedef {{ axes: import("viewer/model/windows.js").Axis[], lengths: number[], kernel: number[] }} Window */

/** @type {import("viewer/model/layers.js").Family} */
export const convolution = {
  layers: [
    ...["Conv1D", "Conv2D", "Conv3D", "DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"],
    ...["Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose"],
  ],
  compute(stage, [given], weights) {
    const name = stage.config.activation ?? "linear";
    const input = channelsFirst(stage.config) ? channelsToLast(given) : given;
    const parts = partsOf(stage, input, weights);
    if (!parts || !isKnown(name)) return null;
    const { window, kernel, depth, point } = parts;
    // Keras multiplies them by the zeros of the padding too.
    if ((depth && !areFinite(depth)) || (kernel && !areFinite(kernel))) return null;
    let result = input;
    if (depth) result = depthwise(result, depth, window);
    if (kernel) result = convolve(result, kernel, point ? onePlace(result) : window);
    addBias(result, weights.bias);
    activate(name, result);
    return channelsFirst(stage.config) ? channelsToFirst(result) : result;
  },
  origin(stage, [given], weights, place) {
    const first = channelsFirst(stage.config);
    const input = first ? channelsToLast(given) : given;
    const parts = partsOf(stage, input, weights);
    if (!parts) return null;
    const [spatial, channel] = first ? [place.slice(1), place[0]] : [place.slice(0, -1), place[place.length - 1]];
    const terms = termsOf(parts, input, spatial, channel).map((term) => placed(term, first));
    const bias = weights.bias ? weights.bias.data[channel] : null;
    const { window, kernel, depth, point } = parts;
    const channels = depth && !point ? 1 : kernel && !depth ? kernel.shape[kernel.shape.length - 2] : 0;
    return {
      how: "sum",
      terms,
      bias,
      activation: stage.config.activation ?? "linear",
      // A transposed window has as many places as there are inputs under it.
      ...(channels && terms.length === channels * size(window.kernel) && { window: { kernel: window.kernel, channels } }),
    };
  },
};

/**
 * What a convolution is made of, with channels last and the transposed kernel turned.
 *
 * @param {Layer} stage
 * @param {Values} input
 * @param {Weights} weights
 * @returns {{ window: Window, kernel?: Values, depth?: Values, point?: boolean } | null}
 */
export function partsOf({ layer, config }, input, weights) {
  const back = layer.endsWith("Transpose");
  if (back && (perAxis(config.output_padding, 1, 0).some(Boolean) || config.output_padding === 0)) return null;
  const depth = weights.depthwise_kernel ?? (layer.startsWith("Depthwise") ? weights.kernel : undefined);
  const point = weights.pointwise_kernel;
  const main = depth ?? weights.kernel;
  if (!main) return null;
  const rank = input.shape.length - 1;
  const kernel = main.shape.slice(0, rank);
  const lengths = input.shape.slice(0, rank);
  const [stride, dilation] = [perAxis(config.strides, rank), perAxis(config.dilation_rate, rank)];
  const along = back ? spreading : sliding;
  const axes = lengths.map((length, axis) =>
    along(length, kernel[axis], { stride: stride[axis], dilation: dilation[axis], padding: config.padding }),
  );
  const window = { axes, lengths, kernel };
  if (depth) return { window, depth, ...(point && { kernel: point, point: true }) };
  return { window, kernel: back ? turned(weights.kernel) : weights.kernel };
}

/**
 * @param {Values} kernel of a transposed convolution, whose filters come before its input channels
 * @returns {Values} as of a plain one
 */
function turned(kernel) {
  const axes = kernel.shape.map((_, axis) => axis);
  const last = axes.length - 1;
  return transposed(kernel, [...axes.slice(0, -2), last, last - 1]);
}

/**
 * @param {Values} input
 * @returns {Window} that looks at one place
 */
function onePlace(input) {
  const lengths = input.shape.slice(0, -1);
  const options = { stride: 1, dilation: 1, padding: "valid" };
  return { axes: lengths.map((length) => sliding(length, 1, options)), lengths, kernel: lengths.map(() => 1) };
}

/**
 * @param {Values} input (places, channels)
 * @param {Values} kernel (places, channels of a group, filters)
 * @param {Window} window
 * @returns {Values}
 */
function convolve(input, kernel, { axes, lengths, kernel: extent }) {
  const [channels, filters] = [input.shape[input.shape.length - 1], kernel.shape[kernel.shape.length - 1]];
  const inGroup = kernel.shape[kernel.shape.length - 2];
  const filtersOfGroup = filters / (channels / inGroup);
  const result = values([...axes.map((axis) => axis.length), filters]);
  const sums = new Float64Array(filters);
  const [x, w] = [input.data, kernel.data];
  const { count, starts, at, k } = allTaps(axes, lengths, extent);
  for (let out = 0; out < count; out++) {
    sums.fill(0);
    for (let tap = starts[out]; tap < starts[out + 1]; tap++) {
      for (let channel = 0; channel < channels; channel++) {
        const value = x[at[tap] * channels + channel];
        if (value === 0) continue;
        const start = Math.floor(channel / inGroup) * filtersOfGroup;
        const row = (k[tap] * inGroup + (channel % inGroup)) * filters;
        for (let filter = start; filter < start + filtersOfGroup; filter++) sums[filter] += value * w[row + filter];
      }
    }
    result.data.set(sums, out * filters);
  }
  return result;
}

/**
 * A convolution in which each channel is a group of its own.
 *
 * @param {Values} input (places, channels)
 * @param {Values} kernel (places, channels, multiplier)
 * @param {Window} window
 * @returns {Values} (places, channels x multiplier)
 */
export function depthwise(input, kernel, window) {
  const [channels, multiplier] = kernel.shape.slice(-2);
  return convolve(input, values([...kernel.shape.slice(0, -2), 1, channels * multiplier], kernel.data), window);
}

/**
 * @param {Values} tensor changed in place
 * @param {Values | undefined} bias
 */
export function addBias(tensor, bias) {
  if (!bias) return;
  const { data } = tensor;
  const length = bias.data.length;
  for (let start = 0; start < data.length; start += length) for (let unit = 0; unit < length; unit++) data[start + unit] += bias.data[unit];
}

/**
 * The products that one output is the sum of.
 *
 * @param {NonNullable<ReturnType<typeof partsOf>>} parts
 * @param {Values} input
 * @param {readonly number[]} spatial
 * @param {number} channel of the output
 * @returns {Term[]}
 */
function termsOf({ window, kernel, depth, point }, input, spatial, channel) {
  const channels = input.shape[input.shape.length - 1];
  if (depth && point && kernel) {
    const between = depth.shape[depth.shape.length - 1] * channels;
    const filters = kernel.shape[kernel.shape.length - 1];
    return Array.from({ length: between }, (_, number) => {
      const within = depthTerms(window, depth, input, spatial, number);
      const value = Math.fround(within.reduce((sum, term) => sum + term.product, 0));
      const weight = kernel.data[number * filters + channel];
      return { place: [...spatial, number], value, weight, product: value * weight, within };
    });
  }
  if (depth) return depthTerms(window, depth, input, spatial, channel);
  if (!kernel) return [];
  const filters = kernel.shape[kernel.shape.length - 1];
  const inGroup = kernel.shape[kernel.shape.length - 2];
  const start = Math.floor(channel / (filters / (channels / inGroup))) * inGroup;
  return tapsOf(window.axes, window.lengths, window.kernel, spatial).flatMap(({ at, k }) =>
    Array.from({ length: inGroup }, (_, number) =>
      term(window, input, at, start + number, kernel.data[(k * inGroup + number) * filters + channel]),
    ),
  );
}

/**
 * @param {Window} window
 * @param {Values} kernel
 * @param {Values} input
 * @param {readonly number[]} spatial
 * @param {number} filter
 * @returns {Term[]}
 */
function depthTerms(window, kernel, input, spatial, filter) {
  const multiplier = kernel.shape[kernel.shape.length - 1];
  const filters = input.shape[input.shape.length - 1] * multiplier;
  const channel = Math.floor(filter / multiplier);
  return tapsOf(window.axes, window.lengths, window.kernel, spatial).map(({ at, k }) =>
    term(window, input, at, channel, kernel.data[k * filters + filter]),
  );
}

/**
 * @param {Window} window
 * @param {Values} input
 * @param {number} at
 * @param {number} channel
 * @param {number} weight
 * @returns {Term}
 */
function term({ lengths }, input, at, channel, weight) {
  if (at < 0) return { place: null, value: 0, weight, product: 0 };
  const value = input.data[at * input.shape[input.shape.length - 1] + channel];
  return { place: [...placeOf(lengths, at), channel], value, weight, product: value * weight };
}

/**
 * @param {Term} term
 * @param {boolean} first whether the layer keeps the channels first
 * @returns {Term}
 */
function placed(term, first) {
  if (!first || !term.place) return term;
  return { ...term, place: [term.place[term.place.length - 1], ...term.place.slice(0, -1)] };
}
