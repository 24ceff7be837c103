// Where among all rows of the page each channel of a stage has its largest values, found between two frames.

import { placeOf } from "viewer/model/values.js";

/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {{ row: number, place: number[], value: number }} Found */

const MOST = 8;
const SLICE_MS = 8;

/**
 * The strongest places of each channel, one a row, the strongest first.
 *
 * @param {Model} model
 * @param {string} stage
 * @param {(found: Found[][], rows: number) => boolean} tell called with what is found by now, by channel, and the rows
 *   that were looked at; it returns whether to go on
 */
export function strongest(model, stage, tell) {
  /** @type {Found[][]} */
  const found = [];
  let row = 0;
  const step = () => {
    const until = performance.now() + SLICE_MS;
    for (; row < model.rows.length && performance.now() < until; row++) look(model, stage, row, found);
    if (tell(found, row) && row < model.rows.length) setTimeout(step);
  };
  step();
}

/**
 * @param {Model} model
 * @param {string} stage
 * @param {number} row
 * @param {Found[][]} found by channel, added to
 */
function look(model, stage, row, found) {
  const values = model.output(row, stage);
  if (!values) return;
  const channels = values.shape[values.shape.length - 1];
  for (let channel = 0; channel < channels; channel++) {
    let best = channel;
    for (let at = channel; at < values.data.length; at += channels) if (values.data[at] > values.data[best]) best = at;
    const list = (found[channel] ??= []);
    const value = values.data[best];
    if (!(value > (list[MOST - 1]?.value ?? -Infinity))) continue;
    list.push({ row, place: placeOf(values.shape, best), value });
    list.sort((one, other) => other.value - one.value);
    list.length = Math.min(list.length, MOST);
  }
}
