// Values of a tensor without the axis of rows, and the arithmetic of their places.

/** @typedef {{ shape: readonly number[], data: Float32Array }} Values */
/** @typedef {readonly number[]} Place one index an axis */

/**
 * @param {readonly number[]} shape
 * @returns {number} how many values it holds
 */
export function size(shape) {
  return shape.reduce((product, length) => product * length, 1);
}

/**
 * @param {readonly number[]} shape
 * @param {Float32Array} [data] zeros when left out
 * @returns {Values}
 */
export function values(shape, data = new Float32Array(size(shape))) {
  return { shape, data };
}

/** @type {WeakMap<Float32Array, boolean>} of weights, which are looked at for each row */
const finite = new WeakMap();

/**
 * @param {Values} tensor whose data do not change
 * @returns {boolean} whether it holds neither NaN nor an infinity, which times 0 are NaN
 */
export function areFinite({ data }) {
  const found = finite.get(data) ?? data.every(Number.isFinite);
  finite.set(data, found);
  return found;
}

/**
 * @param {readonly number[]} shape
 * @param {Place} place
 * @returns {number} where the value stands in the data
 */
export function offset(shape, place) {
  let at = 0;
  for (let axis = 0; axis < shape.length; axis++) at = at * shape[axis] + place[axis];
  return at;
}

/**
 * @param {readonly number[]} shape
 * @param {number} at
 * @returns {number[]} the place of the value that stands there
 */
export function placeOf(shape, at) {
  const place = new Array(shape.length);
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place[axis] = at % shape[axis];
    at = Math.floor(at / shape[axis]);
  }
  return place;
}

/**
 * @param {Values} tensor
 * @param {Place} place
 * @returns {number}
 */
export function valueAt(tensor, place) {
  return tensor.data[offset(tensor.shape, place)];
}

/**
 * The axis that a Keras configuration means, where -1 is the last and 0 is the axis of rows.
 *
 * @param {number} axis
 * @param {number} rank without the axis of rows
 * @returns {number}
 */
export function axisOf(axis, rank) {
  return axis < 0 ? rank + axis : axis - 1;
}

/**
 * The same values with their axes in another order: axis `k` of the result is axis `order[k]`.
 *
 * @param {Values} tensor
 * @param {readonly number[]} order
 * @returns {Values}
 */
export function transposed(tensor, order) {
  const result = values(order.map((axis) => tensor.shape[axis]));
  for (let at = 0; at < result.data.length; at++) {
    const place = placeOf(result.shape, at);
    const from = new Array(order.length);
    order.forEach((axis, k) => (from[axis] = place[k]));
    result.data[at] = valueAt(tensor, from);
  }
  return result;
}

/**
 * Whether a layer keeps the channels on the first axis.
 *
 * @param {Record<string, any>} config
 * @returns {boolean}
 */
export function channelsFirst(config) {
  return config.data_format === "channels_first";
}

/**
 * @param {Values} tensor with the channels first
 * @returns {Values} with the channels last
 */
export function channelsToLast(tensor) {
  const rest = tensor.shape.slice(1).map((_, axis) => axis + 1);
  return transposed(tensor, [...rest, 0]);
}

/**
 * @param {Values} tensor with the channels last
 * @returns {Values} with the channels first
 */
export function channelsToFirst(tensor) {
  const last = tensor.shape.length - 1;
  return transposed(tensor, [last, ...tensor.shape.slice(0, -1).map((_, axis) => axis)]);
}
