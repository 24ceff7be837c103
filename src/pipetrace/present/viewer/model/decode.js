// Tensors of the page, as they came from the trace, and what they came in.

import { size, values } from "viewer/model/values.js";
import { bytesOf } from "viewer/tensor.js";

/** @typedef {import("viewer/document.js").Tensor} Tensor */
/** @typedef {import("viewer/model/values.js").Values} Values */

/** @type {Record<string, new (buffer: ArrayBuffer) => ArrayLike<number>>} */
const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  bool: Uint8Array,
};

/** The dtype of tensors of texts. */
export const TEXT = "string";

/**
 * @param {Tensor} tensor
 * @returns {Values}
 */
export function decode({ dtype, shape, base64 }) {
  const bytes = bytesOf(base64);
  if (dtype === "int64") return values(shape, Float32Array.from(new BigInt64Array(bytes.buffer), Number));
  if (dtype === "float16") return values(shape, halves(new Uint16Array(bytes.buffer)));
  const data = new (ARRAYS[dtype] ?? Float32Array)(bytes.buffer);
  return values(shape, data instanceof Float32Array ? data : Float32Array.from(data));
}

/**
 * @param {Tensor} tensor of dtype `TEXT`
 * @returns {string[]}
 */
export function texts({ base64 }) {
  return JSON.parse(new TextDecoder().decode(bytesOf(base64)));
}

/**
 * @param {Uint16Array} bits of float16
 * @returns {Float32Array}
 */
function halves(bits) {
  const found = new Float32Array(bits.length);
  for (let at = 0; at < bits.length; at++) found[at] = half(bits[at]);
  return found;
}

/**
 * @param {number} bits of a float16
 * @returns {number}
 */
function half(bits) {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
}

/**
 * One row of values that were kept of several.
 *
 * @param {Values} all with an axis of rows
 * @param {number} row
 * @param {Float32Array | null} [levels] of which the values are places
 * @returns {Values} without that axis
 */
export function rowOf(all, row, levels = null) {
  const shape = all.shape.slice(1);
  const data = all.data.subarray(row * size(shape), (row + 1) * size(shape));
  return values(shape, levels ? data.map((place) => levels[place]) : data);
}

/**
 * @param {string} id
 * @returns {Promise<any>} the contents of a packed script of the page, or null where it is empty
 */
export async function unpacked(id) {
  const text = document.getElementById(id)?.textContent;
  if (!text) return null;
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}
