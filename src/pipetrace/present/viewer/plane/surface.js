// What the stages give over the plane of two features, or along one, the others held as they are: computed from the
// weights, a piece at a time, first coarsely.

import { Evaluation } from "viewer/model/evaluate.js";
import { valuesOf } from "viewer/plane/space.js";

/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/plane/space.js").Feature} Feature */

/** Cells along an axis: a plane has the square of it. */
const [ACROSS, ALONG] = [64, 192];
/** The distances of the cells that are computed one after the other, those between them later. */
const STRIDES = [8, 4, 2, 1];

export class Surface {
  /**
   * @param {Model} model
   * @param {import("viewer/model/model.js").At} at
   * @param {readonly Feature[]} features all of them
   * @param {readonly Feature[]} axes the one across, and the one up where there are two
   * @param {readonly Layer[]} stages whose outputs, each a list of numbers, are kept
   */
  constructor(model, { row, epoch }, features, axes, stages) {
    this.axes = axes;
    this.columns = axes.length > 1 ? ACROSS : ALONG;
    this.rows = axes.length > 1 ? ACROSS : 1;
    this.given = valuesOf(model, features, row);
    this.pass = new Evaluation(model.byName, model.weightsAfter(epoch), (stage) => this.given.get(stage) ?? null);
    this.stages = stages;
    const cells = this.rows * this.columns;
    /** @type {Map<string, Float32Array>} by stage, cell by cell */
    this.found = new Map(stages.map(({ name, outputs: [{ shape }] }) => [name, new Float32Array(cells * shape[0])]));
    this.order = orderOf(this.rows, this.columns);
    /** How many cells are computed. */
    this.done = 0;
    /** How far apart the computed cells are: Infinity before there are enough of them, 1 at the end. */
    this.stride = Infinity;
  }

  /**
   * @param {number} until when to stop, as `performance.now` tells it
   * @returns {boolean} whether all is computed
   */
  advance(until) {
    const { cells, ends } = this.order;
    for (; this.done < cells.length; this.done++) {
      if (this.done === ends[STRIDES.indexOf(this.stride) + 1]) this.stride = STRIDES[STRIDES.indexOf(this.stride) + 1];
      if (performance.now() > until) return false;
      const cell = cells[this.done];
      this.centre(Math.floor(cell / this.columns), cell % this.columns).forEach((value, at) => {
        const { stage, index } = this.axes[at];
        const values = this.given.get(stage);
        if (values) values.data[index] = value;
      });
      this.pass.results.clear();
      for (const { name } of this.stages) {
        const output = this.pass.get(name)?.outputs[0];
        const into = this.found.get(name);
        if (output && into) into.set(output.data, cell * output.data.length);
      }
    }
    this.stride = 1;
    return true;
  }

  /**
   * @param {number} row from the top
   * @param {number} column
   * @returns {number[]} the values of the axes in the middle of a cell
   */
  centre(row, column) {
    const at = (/** @type {Feature} */ { low, high }, /** @type {number} */ share) => low + share * (high - low);
    const [across, up] = this.axes;
    const x = at(across, (column + 0.5) / this.columns);
    return up ? [x, at(up, 1 - (row + 0.5) / this.rows)] : [x];
  }

  /**
   * @param {string} stage
   * @param {number} cell
   * @returns {Float32Array} what the stage gives there, or near it while that is not computed
   */
  at(stage, cell) {
    const near = this.nearest(cell);
    const all = this.found.get(stage) ?? new Float32Array(0);
    const count = all.length / (this.rows * this.columns);
    return all.subarray(near * count, (near + 1) * count);
  }

  /**
   * @param {string} stage
   * @param {number} unit
   * @returns {Float32Array} one of its values, by cell
   */
  unit(stage, unit) {
    const all = this.found.get(stage) ?? new Float32Array(0);
    const made = new Float32Array(this.rows * this.columns);
    const count = all.length / made.length;
    for (let cell = 0; cell < made.length; cell++) made[cell] = all[this.nearest(cell) * count + unit];
    return made;
  }

  /**
   * @param {number} cell
   * @returns {number} the computed cell that stands for it
   */
  nearest(cell) {
    const stride = this.stride;
    if (stride === 1) return cell;
    const [row, column] = [Math.floor(cell / this.columns), cell % this.columns];
    return (row - (row % stride)) * this.columns + column - (column % stride);
  }
}

/** @type {Map<string, { cells: number[], ends: number[] }>} */
const ORDERS = new Map();

/**
 * @param {number} rows
 * @param {number} columns
 * @returns {{ cells: number[], ends: number[] }} the cells in the order of the strides, and how many there are up to the
 *   end of each
 */
function orderOf(rows, columns) {
  const key = `${rows} ${columns}`;
  const known = ORDERS.get(key);
  if (known) return known;
  const made = { cells: /** @type {number[]} */ ([]), ends: /** @type {number[]} */ ([]) };
  STRIDES.forEach((stride, at) => {
    const before = at ? STRIDES[at - 1] : Infinity;
    for (let row = 0; row < rows; row += stride)
      for (let column = 0; column < columns; column += stride)
        if (row % before || column % before || before === Infinity) made.cells.push(row * columns + column);
    made.ends.push(made.cells.length);
  });
  ORDERS.set(key, made);
  return made;
}
