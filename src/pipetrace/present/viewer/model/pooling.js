// Pooling over windows and over everything.

import { channelsFirst, channelsToFirst, channelsToLast, placeOf, size, values } from "viewer/model/values.js";
import { allTaps, perAxis, sliding, tapsOf } from "viewer/model/windows.js";

/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Term} Term */

const LOWEST = -3.4028234663852886e38;

/** @type {import("viewer/model/layers.js").Family} */
export const pooling = {
  layers: ["1D", "2D", "3D"].flatMap((rank) =>
    ["MaxPooling", "AveragePooling", "GlobalMaxPooling", "GlobalAveragePooling"].map((kind) => kind + rank),
  ),
  compute(stage, [given], _, [mask]) {
    const first = channelsFirst(stage.config);
    const input = first ? channelsToLast(given) : given;
    const look = windowOf(stage, input, mask);
    const channels = input.shape[input.shape.length - 1];
    const result = values([...look.outer, channels]);
    const largest = isLargest(stage);
    const { starts, at } = look.all();
    for (let out = 0; out + 1 < starts.length; out++) {
      const [from, to] = [starts[out], starts[out + 1]];
      for (let channel = 0; channel < channels; channel++) {
        let value = largest ? LOWEST : 0;
        for (let tap = from; tap < to; tap++) {
          const x = input.data[at[tap] * channels + channel];
          // A comparison with NaN is false, so NaN is passed over, as TensorFlow does.
          if (!largest) value += x;
          else if (x > value) value = x;
        }
        result.data[out * channels + channel] = largest ? value : value / (to - from);
      }
    }
    const shaped = first ? channelsToFirst(result) : result;
    return values(stage.outputs[0].shape, shaped.data);
  },
  origin(stage, [given], _, place, [mask]) {
    const first = channelsFirst(stage.config);
    const input = first ? channelsToLast(given) : given;
    const look = windowOf(stage, input, mask);
    const channels = input.shape[input.shape.length - 1];
    const channel = first ? place[0] : place[place.length - 1];
    const rest = first ? place.slice(1) : place.slice(0, -1);
    const places = look.at(look.outer.length ? rest : []);
    const lengths = input.shape.slice(0, -1);
    const terms = places.map((at) => {
      const spatial = placeOf(lengths, at);
      const value = input.data[at * channels + channel];
      const weight = isLargest(stage) ? 1 : 1 / places.length;
      return { place: first ? [channel, ...spatial] : [...spatial, channel], value, weight, product: value * weight };
    });
    return { how: isLargest(stage) ? "largest" : "mean", terms, bias: null, activation: "linear" };
  },
};

/** @param {Layer} stage */
function isLargest({ layer }) {
  return layer.includes("Max");
}

/**
 * @param {Layer} stage
 * @param {Values} input with the channels last
 * @param {Uint8Array | null | undefined} mask of the time steps
 * @returns {{ outer: number[], at: (place: readonly number[]) => number[], all: () => { starts: number[], at: number[] } }} the
 *   output's axes without channels, and the numbers of the input places that one of its places looks at, and that all do
 */
function windowOf({ layer, config }, input, mask) {
  const lengths = input.shape.slice(0, -1);
  if (layer.startsWith("Global")) {
    const all = Array.from({ length: size(lengths) }, (_, at) => at);
    const seen = mask && layer === "GlobalAveragePooling1D" ? all.filter((at) => mask[at]) : all;
    return { outer: [], at: () => seen, all: () => ({ starts: [0, seen.length], at: seen }) };
  }
  const pool = perAxis(config.pool_size, lengths.length, 2);
  const stride = perAxis(config.strides ?? config.pool_size, lengths.length, 2);
  const axes = lengths.map((length, axis) =>
    sliding(length, pool[axis], { stride: stride[axis], dilation: 1, padding: config.padding }),
  );
  const at = (/** @type {readonly number[]} */ place) =>
    tapsOf(axes, lengths, pool, place).flatMap((tap) => (tap.at < 0 ? [] : [tap.at]));
  return { outer: axes.map((axis) => axis.length), at, all: () => allTaps(axes, lengths, pool) };
}
