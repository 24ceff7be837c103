// The input of a window with its padding, and the map that the window gives, to move the window on.

import { brightness, paintColours } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { legend, Picture, scaleOf } from "viewer/draw/picture.js";
import { scaleOver } from "viewer/draw/scales.js";
import { isImage } from "viewer/explore/place.js";
import { dimensions, figure } from "viewer/figures.js";
import { AXES, channelOf, mapWith, nearest, pools, settingsOf, unreached } from "viewer/model/geometry.js";
import { offset } from "viewer/model/values.js";

/** @typedef {import("viewer/draw/picture.js").Box} Box */
/** @typedef {import("viewer/model/geometry.js").Settings} Settings */
/** @typedef {import("viewer/model/geometry.js").Side} Side */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/values.js").Values} Values */

const [INPUT_WIDTH, OUTPUT_WIDTH] = [300, 252];
/** A picture of time steps is so wide, and a line of it so high. */
const [LONG, LINE, MOST_LINES] = [520, 22, 8];
/** Of more positions no grid is drawn. */
const MOST_GRID = 40;

/**
 * The input with its padding and the window on it, and the map that it gives.
 *
 * @param {{ model: import("viewer/model/model.js").Model, state: import("viewer/state.js").State, stage: Layer }} context
 * @param {HTMLElement} frame filled
 * @param {Settings} settings
 * @param {Side[]} sides
 * @param {number[]} place
 * @param {(at: number[]) => void} move called with the window's position along each axis
 * @returns {(at: number[], place: number[]) => void} marks a position
 */
export function moving({ model, state, stage }, frame, settings, sides, place, move) {
  const input = model.inputs(state.at, stage)?.inputs[0];
  if (!input || sides.some(({ count }) => !count)) {
    frame.replaceChildren();
    return () => {};
  }
  const weights = model.weightsOf(state.at, stage.name);
  const source = model.byName.get(stage.inputs[0].source);
  const axes = sides.length;
  // Time steps go across, and their features down.
  const [down, across] = axes === 1 ? [null, 0] : [axes - 2, axes - 1];
  const filter = place[place.length - 1];
  const channels = input.shape[axes];
  const channel = channelOf(stage, input, weights, filter);
  const colours = axes === 2 && channels === 3 && source !== undefined && isImage(model, source) && !pools(stage);
  const padded = (/** @type {Side} */ { before, length, after }) => before + length + after;
  const [rows, columns] = [down === null ? channels : padded(sides[down]), padded(sides[across])];
  let now = /** @type {number[]} */ ([]);
  const near = (/** @type {Side} */ side, /** @type {number} */ cell) => nearest(side, cell - side.before);
  const go = (/** @type {number} */ row, /** @type {number} */ column, /** @type {(side: Side, cell: number) => number} */ how) =>
    move(now.map((index, axis) => (axis === down ? how(sides[axis], row) : axis === across ? how(sides[axis], column) : index)));
  const picture = new Picture({ rows, columns, width: down === null ? LONG : INPUT_WIDTH, label: "Input under the window", move: (row, column) => go(row, column, near) });
  picture.hops = [down === null ? 1 : sides[down].stride, sides[across].stride];
  const result = mapOf(model, state, stage, input, weights, settings, filter);
  const size_ = { rows: down === null ? 1 : sides[down].count, columns: sides[across].count };
  const map = new Picture({ ...size_, width: down === null ? LONG : OUTPUT_WIDTH, label: result ? "Map with these settings" : "Positions of the window", move: (row, column) => go(row, column, (_, cell) => cell) });
  if (!result && Math.max(...Object.values(size_)) <= MOST_GRID) {
    map.element.classList.add("positions");
    map.element.style.backgroundSize = `calc(100% / ${size_.columns}) calc(100% / ${size_.rows})`;
  }
  if (down === null) for (const [each, lines] of /** @type {[Picture, number][]} */ ([[picture, Math.min(rows, MOST_LINES)], [map, 1]])) Object.assign(each.element.style, { aspectRatio: "auto", height: `${lines * LINE}px` });
  const scale = source ? scaleOver(model, state, source, ({ data }) => data, "all") : scaleOf(input.data);
  const [inputLegend, mapLegend] = [legend(), legend()];
  const [where, what] = [h("span"), h("span", {}, dimensions(sides.map(({ count }) => count)))];
  const mapScale = result ? scaleOf(result.data) : null;
  frame.replaceChildren(
    h("div", {}, h("div", { class: "cap" }, h("b", {}, channels > 1 && !colours && down !== null ? `Input, channel ${channel}` : "Input"), where), picture.element, colours ? null : inputLegend.element),
    h("div", {}, h("div", { class: "cap" }, h("b", {}, result ? (pools(stage) ? `Channel ${filter}` : `Filter ${filter}`) : "Positions"), what), map.element, mapScale ? mapLegend.element : null),
  );
  inputLegend.draw(scale);
  if (mapScale) mapLegend.draw(mapScale);
  const fixed = still(sides, down, across, rows, columns);
  let slice = "";
  return (at) => {
    now = at;
    const starts = sides.map(({ stride }, axis) => at[axis] * stride);
    const other = `${at.filter((_, axis) => axis !== down && axis !== across)}`;
    if (other !== slice || !slice.length) paintBoth();
    slice = other || "-";
    picture.mark([...taps(sides, down, across, starts, rows), ...fixed]);
    // The arrow keys start from the middle of the window.
    const middle = (/** @type {number} */ axis) => starts[axis] + Math.floor((sides[axis].extent - 1) / 2);
    [picture.row, picture.column] = [down === null ? 0 : middle(down), middle(across)];
    map.mark([{ row: down === null ? 0 : at[down], column: at[across] }]);
    const covers = sides.map(({ extent, before }, axis) => `${AXES[axes][axis]} ${starts[axis] - before} to ${starts[axis] - before + extent - 1}`).join(", ");
    where.textContent = covers;
    const value = result ? `: ${figure(result.data[offset(result.shape, [...at, 0])])}` : "";
    what.textContent = `${dimensions(sides.map(({ count }) => count))}, position ${at.join(", ")}${value}`;
    picture.say(covers);
    map.say(what.textContent);
  };
  function paintBoth() {
    if (!input) return;
    const values = new Float32Array(rows * columns * (colours ? 3 : 1));
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++) {
        const spot = sides.map(({ before, stride, length }, axis) => (axis === down ? row - before : axis === across ? column - before : Math.min(length - 1, Math.max(0, now[axis] * stride - before))));
        if (spot.some((index, axis) => index < 0 || index >= sides[axis].length)) continue;
        if (colours) for (let band = 0; band < 3; band++) values[(row * columns + column) * 3 + band] = input.data[offset(input.shape, [...spot, band])];
        else values[row * columns + column] = input.data[offset(input.shape, [...spot, down === null ? row : channel])];
      }
    if (colours) paintColours(picture.canvas, values, columns, brightness(input.data));
    else picture.paint({ values, ...scale });
    const { rows: tall, columns: wide } = size_;
    const shown = Float32Array.from({ length: tall * wide }, (_, cell) => {
      const spot = now.map((index, axis) => (axis === down ? Math.floor(cell / wide) : axis === across ? cell % wide : index));
      return result ? result.data[offset(result.shape, [...spot, 0])] : 0;
    });
    map.paint({ values: shown, ...(mapScale ?? { most: 1, ramp: "activation" }) });
  }
}

/**
 * @param {import("viewer/model/model.js").Model} model
 * @param {import("viewer/state.js").State} state
 * @param {Layer} stage
 * @param {Values} input
 * @param {import("viewer/model/layers.js").Weights} weights
 * @param {Settings} settings
 * @param {number} filter
 * @returns {Values | null} null where there are no weights for it
 */
function mapOf(model, state, stage, input, weights, settings, filter) {
  const known = pools(stage) || `${settings.kernel}` === `${settingsOf(stage, settings.kernel.length, weights).kernel}`;
  return known ? mapWith(stage, input, weights, settings, filter) : null;
}

/**
 * @param {Side[]} sides
 * @param {number | null} down
 * @param {number} across
 * @param {number[]} starts
 * @param {number} rows
 * @returns {Box[]} the window; where it is spread, each of its cells
 */
function taps(sides, down, across, starts, rows) {
  const along = (/** @type {number | null} */ axis) => {
    if (axis === null) return [[0, rows]];
    const { kernel, dilation, extent } = sides[axis];
    return dilation === 1 ? [[starts[axis], extent]] : Array.from({ length: kernel }, (_, k) => [starts[axis] + k * dilation, 1]);
  };
  return along(down).flatMap(([row, tall]) => along(across).map(([column, wide]) => ({ row, column, rows: tall, columns: wide })));
}

/**
 * What does not move: the padding, and the lines and columns that no window covers.
 *
 * @param {Side[]} sides
 * @param {number | null} down
 * @param {number} across
 * @param {number} rows
 * @param {number} columns
 * @returns {Box[]}
 */
function still(sides, down, across, rows, columns) {
  return [down, across].flatMap((axis) => {
    if (axis === null) return [];
    const side = sides[axis];
    const strip = (/** @type {number} */ from, /** @type {number} */ long, /** @type {string} */ kind) =>
      axis === down ? { row: from, column: 0, rows: long, columns, kind } : { row: 0, column: from, rows, columns: long, kind };
    const edges = [side.before && strip(0, side.before, "padding"), side.after && strip(side.before + side.length, side.after, "padding")];
    return [...edges.filter((each) => each !== 0), ...runs(unreached(side)).map(([from, to]) => strip(side.before + from, to - from + 1, "unreached"))];
  });
}

/**
 * @param {number[]} numbers in order
 * @returns {[number, number][]} the first and last of those that follow one another
 */
export function runs(numbers) {
  /** @type {[number, number][]} */
  const found = [];
  for (const each of numbers) {
    const run = found[found.length - 1];
    if (run && run[1] === each - 1) run[1] = each;
    else found.push([each, each]);
  }
  return found;
}

