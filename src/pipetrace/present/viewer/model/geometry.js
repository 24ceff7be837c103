// A window with other settings over the same input: its positions, what it costs, and the map that it would give.

import { activate } from "viewer/model/activation.js";
import { channelMaps } from "viewer/model/channel_maps.js";
import { LAYERS } from "viewer/model/layers.js";
import { channelsFirst, size, values } from "viewer/model/values.js";
import { fitted, perAxis } from "viewer/model/windows.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Weights} Weights */
/** @typedef {{ kernel: number[], stride: number[], dilation: number[], padding: string }} Settings one number an axis */
/** @typedef {ReturnType<typeof fitted> & { length: number, kernel: number, stride: number, dilation: number }} Side */

const PLAIN = /^((Depthwise|Separable)?Conv|(Max|Average)Pooling)[123]D$/;
/** What the axes are called, by how many there are. */
export const AXES = [[], ["steps"], ["lines", "columns"], ["slices", "lines", "columns"]];
/** A map of more multiplications is not computed. */
const MOST_WORK = 4e6;

/**
 * @param {Layer} stage
 * @returns {boolean} whether a window slides over its input in the plain way, with the channels last
 */
export function slides({ layer, config }) {
  return PLAIN.test(layer) && !channelsFirst(config);
}

/**
 * @param {Layer} stage
 * @returns {boolean} whether it pools: it has no weights, and its window is not spread
 */
export function pools({ layer }) {
  return layer.includes("Pooling");
}

/**
 * @param {Layer} stage
 * @param {number} axes of the input without its channels
 * @param {Weights} weights
 * @returns {Settings} the recorded ones
 */
export function settingsOf(stage, axes, weights) {
  const { config } = stage;
  const own = (weights.depthwise_kernel ?? weights.kernel)?.shape.slice(0, axes);
  return pools(stage)
    ? { kernel: perAxis(config.pool_size, axes, 2), stride: perAxis(config.strides ?? config.pool_size, axes, 2), dilation: perAxis(1, axes), padding: config.padding }
    : { kernel: own ?? perAxis(config.kernel_size, axes), stride: perAxis(config.strides, axes), dilation: perAxis(config.dilation_rate, axes), padding: config.padding };
}

/**
 * @param {Settings} settings
 * @param {readonly number[]} lengths of the input's axes
 * @returns {Side[]} how the window fits along each axis
 */
export function sidesOf({ kernel, stride, dilation, padding }, lengths) {
  return lengths.map((length, axis) => {
    const each = { length, kernel: kernel[axis], stride: stride[axis], dilation: dilation[axis] };
    return { ...each, ...fitted(length, each.kernel, { ...each, padding }) };
  });
}

/**
 * @param {Side} side
 * @param {number} at a position of the window
 * @returns {number} the middle of it, in cells of the input
 */
export function middleOf({ extent, stride, before }, at) {
  return at * stride - before + (extent - 1) / 2;
}

/**
 * @param {Side} side
 * @param {number} cell of the input
 * @returns {number} the position of the window whose middle is nearest to it
 */
export function nearest({ extent, stride, before, count }, cell) {
  return Math.max(0, Math.min(count - 1, Math.round((cell + before - (extent - 1) / 2) / stride)));
}

/**
 * @param {Side} side
 * @returns {number[]} the cells that no window covers
 */
export function unreached({ length, kernel, stride, dilation, count, before }) {
  const seen = new Set();
  for (let o = 0; o < count; o++) for (let k = 0; k < kernel; k++) seen.add(o * stride + k * dilation - before);
  return Array.from({ length }, (_, at) => at).filter((at) => !seen.has(at));
}

/**
 * What a convolution has and does.
 *
 * @param {Layer} stage
 * @param {Weights} weights the recorded ones, which say how many channels and filters there are
 * @param {number} channels of the input
 * @param {Side[]} sides
 * @returns {{ cells: number, inputs: number, filters: number, further: number, bias: number, parameters: number, multiplications: number }}
 *   cells and input channels of each of the filters, and the weights that mix what a separable one gives
 */
export function costs({ layer }, weights, channels, sides) {
  const depth = weights.depthwise_kernel ?? (layer.startsWith("Depthwise") ? weights.kernel : undefined);
  const shape = (depth ?? weights.kernel)?.shape ?? [1, 1];
  const cells = size(sides.map(({ kernel }) => kernel));
  const [inputs, filters] = depth ? [1, channels * shape[shape.length - 1]] : shape.slice(-2);
  const further = weights.pointwise_kernel?.data.length ?? 0;
  const bias = weights.bias?.data.length ?? 0;
  const each = cells * inputs * filters;
  return { cells, inputs, filters, further, bias, parameters: each + further + bias, multiplications: size(sides.map(({ count }) => count)) * (each + further) };
}

/**
 * @param {Layer} stage
 * @param {Values} input
 * @param {Weights} weights
 * @param {number} filter
 * @returns {number} the input channel to show: the one that a filter looks at, or the largest of them
 */
export function channelOf(stage, input, weights, filter) {
  const [channels, filters] = [input, stage.outputs[0]].map(({ shape }) => shape[shape.length - 1]);
  if (pools(stage)) return filter;
  if (stage.layer.startsWith("Depthwise")) return Math.floor((filter * channels) / filters);
  const inGroup = stage.layer.startsWith("Separable") ? channels : (weights.kernel?.shape.slice(-2)[0] ?? channels);
  const first = Math.floor((filter * channels) / inGroup / filters) * inGroup;
  const sums = new Float64Array(channels);
  input.data.forEach((value, at) => (sums[at % channels] += Math.abs(value)));
  const group = sums.subarray(first, first + inGroup);
  return first + Math.max(0, group.indexOf(Math.max(...group)));
}

/**
 * The map of one filter, or of one channel of a pooling.
 *
 * @param {Layer} stage
 * @param {Values} input
 * @param {Weights} weights
 * @param {Settings} settings with the recorded size of the kernel, where it has weights
 * @param {number} filter
 * @returns {Values | null} with a last axis of one channel; null where it takes too long, or an activation mixes filters
 */
export function mapWith(stage, input, weights, { kernel, stride, dilation, padding }, filter) {
  const lengths = input.shape.slice(0, -1);
  const shape = [...sidesOf({ kernel, stride, dilation, padding }, lengths).map(({ count }) => count), 1];
  if (size(shape) * size(kernel) > MOST_WORK || !size(shape)) return null;
  if (pools(stage)) {
    const channels = input.shape[input.shape.length - 1];
    const one = values([...lengths, 1], input.data.filter((_, at) => at % channels === filter));
    const other = { ...stage, config: { ...stage.config, pool_size: kernel, strides: stride, padding }, outputs: [{ shape }] };
    const made = LAYERS.get(stage.layer)?.compute(other, [one], {}, []);
    return made ? [made].flat()[0] : null;
  }
  const other = { ...stage, config: { ...stage.config, strides: stride, dilation_rate: dilation, padding } };
  const made = channelMaps(other, input, weights, filter);
  const activation = stage.config.activation ?? "linear";
  if (!made || made.work * made.names.length > MOST_WORK || activation.endsWith("softmax")) return null;
  const bias = weights.bias?.data[filter] ?? 0;
  const sums = new Float64Array(size(shape)).fill(bias);
  for (const map of made.compute(0, made.names.length)) map.forEach((value, at) => (sums[at] += value));
  return activate(activation, values(shape, Float32Array.from(sums)));
}
