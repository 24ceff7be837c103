// Ink on a field of pixels: strokes of a brush, and the form that MNIST's digits have.

import { values } from "viewer/model/values.js";

/** @typedef {import("viewer/model/values.js").Values} Values */

/** The radius of the brush as a share of the field's width, and how much of it is soft. */
const BRUSH = 0.075;
const SOFT = 0.5;
/** The side of MNIST's images, and of the box that their ink was scaled to fit in. */
export const SIDE = 28;
const BOX = 20;

/**
 * @param {Values} field its ink is from 0 to 1; drawn on
 * @param {number} row where the brush is, in pixels; 0.5 is the middle of the first
 * @param {number} column
 */
export function dab(field, row, column) {
  const [rows, columns] = field.shape;
  const radius = Math.max(0.8, BRUSH * Math.min(rows, columns));
  for (let at = 0; at < rows * columns; at++) {
    const distance = Math.hypot(Math.floor(at / columns) + 0.5 - row, (at % columns) + 0.5 - column);
    const ink = Math.min(1, Math.max(0, (radius - distance) / (SOFT * radius)));
    field.data[at] = Math.max(field.data[at], ink);
  }
}

/**
 * The ink as MNIST has it: its box scaled to 20 pixels on the longer side, its centre of mass in the middle of 28 x 28.
 * LeCun, Cortes and Burges, The MNIST Database of Handwritten Digits.
 *
 * @param {Values} field ink from 0 to 1
 * @returns {Values} 28 x 28; without ink where the field has none
 */
export function asMnist(field) {
  const [, columns] = field.shape;
  const result = values([SIDE, SIDE]);
  const inked = [...field.data.keys()].filter((at) => field.data[at] > 0);
  if (!inked.length) return result;
  const [across, down] = [inked.map((at) => at % columns), inked.map((at) => Math.floor(at / columns))];
  const [left, top] = [Math.min(...across), Math.min(...down)];
  const [wide, tall] = [Math.max(...across) - left + 1, Math.max(...down) - top + 1];
  const scale = BOX / Math.max(wide, tall);
  // The centre of mass, scaled, counted from the corner of the box.
  const mass = inked.reduce((sum, at) => sum + field.data[at], 0);
  const middle = (/** @type {number[]} */ places, /** @type {number} */ from) => (scale * places.reduce((sum, place, k) => sum + field.data[inked[k]] * (place + 0.5 - from), 0)) / mass;
  const [x, y] = [SIDE / 2 - middle(across, left), SIDE / 2 - middle(down, top)];
  for (let at = 0; at < result.data.length; at++) {
    const [row, column] = [Math.floor(at / SIDE), at % SIDE];
    result.data[at] = average(field, top + (row - y) / scale, left + (column - x) / scale, 1 / scale);
  }
  return result;
}

/**
 * @param {Values} field
 * @param {number} top
 * @param {number} left
 * @param {number} side
 * @returns {number} the mean ink of a square, by the area that each pixel has in it; outside the field there is none
 */
export function average(field, top, left, side) {
  const [rows, columns] = field.shape;
  let total = 0;
  for (let row = Math.max(0, Math.floor(top)); row < Math.min(rows, top + side); row++)
    for (let column = Math.max(0, Math.floor(left)); column < Math.min(columns, left + side); column++) {
      const tall = Math.min(row + 1, top + side) - Math.max(row, top);
      const wide = Math.min(column + 1, left + side) - Math.max(column, left);
      if (tall > 0 && wide > 0) total += tall * wide * field.data[row * columns + column];
    }
  return total / side ** 2;
}
