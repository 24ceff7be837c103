// Where among all rows of the page each channel of a stage has its largest values, found between two frames.

import { placeOf } from "viewer/model/values.js";

/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {{ row: number, place: number[], value: number }} Found */

const MOST = 8;
const SLICE_MS = 8;

/**
 * The strongest places of each channel after training, one a row, the strongest first.
 *
 * @param {Model} model
 * @param {string} stage
 * @param {(found: Found[][], rows: number) => boolean} tell called with what is found by now, by channel, and the rows
 *   that were looked at; it returns whether to go on
 */
export function strongest(model, stage, tell) {
  /** @type {Found[][]} */
  const found = [];
  const rows = [...model.rows.all.keys()];
  let looked = 0;
  const step = () => {
    const until = performance.now() + SLICE_MS;
    for (; looked < rows.length && performance.now() < until; looked++) look(model, stage, rows[looked], found);
    if (tell(found, looked) && looked < rows.length) setTimeout(step);
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
  const at = { row, epoch: model.end };
  // The passes of a few rows are kept; those of many would drive out the ones that are looked at.
  const pass = model.rows.all.size <= MOST ? model.pass(at) : model.passOnce(at);
  const values = model.recorded(at, stage) ?? pass.get(stage)?.outputs[0];
  if (!values) return;
  const channels = values.shape[values.shape.length - 1];
  for (let channel = 0; channel < channels; channel++) {
    let best = channel;
    for (let k = channel; k < values.data.length; k += channels) if (values.data[k] > values.data[best]) best = k;
    const list = (found[channel] ??= []);
    const value = values.data[best];
    if (!(value > (list[MOST - 1]?.value ?? -Infinity))) continue;
    list.push({ row, place: placeOf(values.shape, best), value });
    list.sort((one, other) => other.value - one.value);
    list.length = Math.min(list.length, MOST);
  }
}
