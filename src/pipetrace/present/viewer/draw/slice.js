// A tensor of any rank as one flat image: which axes are its rows and columns, and where a place stands on it.

import { counted } from "viewer/figures.js";
import { offset, size } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */

const FOLD = 104;

/**
 * @param {number} length of a list
 * @returns {number} the columns of an image of it that is about as wide as high, with a full last line where there is one
 */
export function foldOf(length) {
  const least = Math.ceil(Math.sqrt(length));
  for (let columns = least; columns <= 2 * least; columns++) if (length % columns === 0) return columns;
  return least;
}

/**
 * @typedef {object} Slice
 * @property {number} rows
 * @property {number} columns
 * @property {(place: readonly number[]) => string} name tells the other axes of a place from those of another
 * @property {(place: readonly number[]) => [number, number]} at the row and column of a place
 * @property {(row: number, column: number, place: readonly number[]) => number[]} move the place at a row and column,
 *   which keeps the other axes of another place
 */

/**
 * @param {readonly number[]} shape
 * @param {number} [fold] columns of a vector's image
 * @returns {Slice}
 */
export function sliceOf(shape, fold = FOLD) {
  if (shape.length < 2) {
    const length = size(shape);
    const columns = Math.min(length, fold);
    return {
      rows: Math.ceil(length / columns),
      columns,
      name: () => "",
      at: ([index = 0]) => [Math.floor(index / columns), index % columns],
      move: (row, column) => (shape.length ? [Math.min(length - 1, row * columns + column)] : []),
    };
  }
  const first = shape.length > 3 ? shape.length - 3 : 0;
  return {
    rows: shape[first],
    columns: shape[first + 1],
    name: (place) => `${place.slice(0, first)} ${place.slice(first + 2)}`,
    at: (place) => [place[first], place[first + 1]],
    move: (row, column, place) => place.map((index, axis) => (axis === first ? row : axis === first + 1 ? column : index)),
  };
}

/**
 * The values of a slice, row by row; a vector's last line may be shorter.
 *
 * @param {Values} tensor
 * @param {Slice} slice
 * @param {readonly number[]} place whose other axes it is taken at
 * @returns {Float32Array}
 */
export function plane(tensor, slice, place) {
  const { rows, columns } = slice;
  if (tensor.shape.length < 2) return tensor.data.slice();
  const result = new Float32Array(rows * columns);
  const at = (/** @type {number} */ row, /** @type {number} */ column) => offset(tensor.shape, slice.move(row, column, place));
  const start = at(0, 0);
  const [down, across] = [at(1, 0) - start, at(0, 1) - start];
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) result[row * columns + column] = tensor.data[start + row * down + column * across];
  return result;
}

/**
 * The nearest place in a tensor of another shape, the same channel. Without padding a convolution's output is smaller by
 * its window, whose middle is the place; else it is the same share of the way along each axis.
 *
 * @param {readonly number[]} place
 * @param {readonly number[]} from its tensor's shape
 * @param {readonly number[]} to
 * @returns {number[]}
 */
export function carried(place, from, to) {
  if (place.length !== to.length) return to.map(() => 0);
  return place.map((index, axis) => {
    if (axis === place.length - 1 || from[axis] === to[axis]) return Math.min(Math.max(0, to[axis] - 1), index);
    const less = from[axis] - to[axis];
    const windowed = 2 * Math.abs(less) < Math.min(from[axis], to[axis]);
    const near = windowed ? index - Math.trunc(less / 2) : Math.floor(((index + 0.5) * to[axis]) / from[axis]);
    return Math.min(to[axis] - 1, Math.max(0, near));
  });
}

/**
 * @param {readonly number[]} shape
 * @param {readonly number[]} place
 * @returns {string} a place in words
 */
export function placeText(shape, place) {
  if (shape.length === 0) return "the value";
  if (shape.length === 1) return `position ${counted(place[0])}`;
  if (shape.length === 2) return `step ${place[0]}, feature ${place[1]}`;
  const [row, column, channel] = place.slice(-3);
  const names = [`line ${row}`, `column ${column}`, shape[shape.length - 1] > 1 ? `channel ${channel}` : ""];
  if (shape.length > 3) names.unshift(`slice ${place[place.length - 4]}`);
  return names.filter(Boolean).join(", ");
}
