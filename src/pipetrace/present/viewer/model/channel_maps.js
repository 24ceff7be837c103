// What each input channel of a convolution adds to the map of one filter: input channel * its part of the kernel.

import { depthwise, partsOf } from "viewer/model/convolution.js";
import { channelsFirst, size } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/convolution.js").Window} Window */

/**
 * @typedef {object} ChannelMaps
 * @property {number[]} shape of each map: the positions of the output
 * @property {string[]} names of the channels
 * @property {number} work how many multiplications one of them takes
 * @property {(from: number, to: number) => Float64Array[]} compute the maps of some of the channels
 */

/**
 * @param {Layer} stage a convolution that keeps the channels last
 * @param {Values} input
 * @param {import("viewer/model/layers.js").Weights} weights
 * @param {number} filter
 * @returns {ChannelMaps | null} null for another stage
 */
export function channelMaps(stage, input, weights, filter) {
  const parts = /Conv/.test(stage.layer) && !channelsFirst(stage.config) ? partsOf(stage, input, weights) : null;
  if (!parts) return null;
  const { window, kernel, depth, point } = parts;
  const shape = window.axes.map(({ length }) => length);
  const channels = input.shape[input.shape.length - 1];
  const work = size(shape) * size(window.kernel);
  const weighed = kernel?.data ?? new Float32Array();
  const filters = kernel?.shape[kernel.shape.length - 1] ?? 1;
  if (depth && point) {
    // The depthwise part gives a channel for each of its kernels; a filter weighs each of them with one number.
    const between = depthwise(input, depth, window);
    const [count, each] = [between.shape[between.shape.length - 1], depth.shape[depth.shape.length - 1]];
    const compute = (/** @type {number} */ from, /** @type {number} */ to) =>
      range(from, to).map((channel) => Float64Array.from({ length: size(shape) }, (_, at) => between.data[at * count + channel] * weighed[channel * filters + filter]));
    const names = range(0, count).map((channel) => `channel ${Math.floor(channel / each)}${each > 1 ? `, kernel ${channel % each}` : ""}`);
    return { shape, names, work, compute };
  }
  const [inGroup, multiplier] = [kernel?.shape[kernel.shape.length - 2] ?? 1, depth ? depth.shape[depth.shape.length - 1] : 1];
  const first = depth ? Math.floor(filter / multiplier) : Math.floor(filter / (filters / (channels / inGroup))) * inGroup;
  /** @type {(k: number, channel: number) => number} */
  const weight = depth ? (k) => depth.data[k * channels * multiplier + filter] : (k, channel) => weighed[(k * inGroup + channel) * filters + filter];
  const compute = (/** @type {number} */ from, /** @type {number} */ to) => {
    const maps = range(from, to).map(() => new Float64Array(size(shape)));
    products(window, (out, at, k) => {
      for (let channel = from; channel < to; channel++) maps[channel - from][out] += input.data[at * channels + first + channel] * weight(k, channel);
    });
    return maps;
  };
  return { shape, names: range(first, first + (depth ? 1 : inGroup)).map((channel) => `channel ${channel}`), work, compute };
}

/**
 * @param {number} from
 * @param {number} to
 * @returns {number[]}
 */
function range(from, to) {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

/**
 * Visit all products of a window at all its positions, except those in the padding.
 *
 * @param {Window} window
 * @param {(out: number, at: number, k: number) => void} visit called with the positions in output, input and kernel
 */
function products({ axes, lengths, kernel }, visit) {
  const walk = (/** @type {number} */ axis, /** @type {number} */ out, /** @type {number} */ from, /** @type {number} */ tap) => {
    if (axis === axes.length) return visit(out, from, tap);
    axes[axis].taps.forEach((taps, o) => {
      for (const { at, k } of taps) if (at >= 0) walk(axis + 1, out * axes[axis].length + o, from * lengths[axis] + at, tap * kernel[axis] + k);
    });
  };
  walk(0, 0, 0, 0);
}
