// Where among all rows of the page each channel of a stage has its largest values, found while nothing else is to be done.

import { whenIdle } from "viewer/dom.js";
import { placeOf } from "viewer/model/values.js";

/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {{ row: number, place: number[], value: number }} Found */

/**
 * @typedef {object} Channel what was found of one
 * @property {Found[]} largest values above 0, one a row, the largest first
 * @property {Found[]} others above 0, from places that are spread over all rows and maps
 */

const MOST = 8;
const MOST_OTHERS = 128;
/** A step that meets every place of a map, whatever its size, in an order that looks random: the golden ratio. */
const STEP = 0.6180339887;

/**
 * The strongest places of each channel.
 *
 * @param {Model} model
 * @param {string} stage
 * @param {number} epoch whose weights are used
 * @param {(found: Channel[], rows: number, all: boolean) => boolean} tell called with what is found by now, by channel,
 *   with the rows that were looked at, and whether these are all; it returns whether to go on
 */
export function strongest(model, stage, epoch, tell) {
  /** @type {Channel[]} */
  const found = [];
  const rows = [...model.rows.all.keys()];
  let looked = 0;
  /** @type {import("viewer/model/evaluate.js").Evaluation | null} */
  let pass = null;
  const step = (/** @type {number} */ ms) => {
    const until = performance.now() + ms;
    do {
      const at = { row: rows[looked], epoch };
      // The passes of a few rows are kept; those of many would drive out the ones that are looked at.
      pass ??= rows.length <= MOST ? model.pass(at) : model.passOnce(at);
      const recorded = model.recorded(at, stage);
      if (!recorded && !pass.advance(stage, until)) return whenIdle(step);
      const values = recorded ?? pass.get(stage)?.outputs[0];
      if (values) look(rows.length, values, at.row, looked, found);
      pass = null;
      looked += 1;
    } while (looked < rows.length && performance.now() < until);
    if (tell(found, looked, looked === rows.length) && looked < rows.length) whenIdle(step);
  };
  whenIdle(step);
}

/**
 * @param {number} count how many rows there are
 * @param {import("viewer/model/values.js").Values} values of the stage
 * @param {number} row
 * @param {number} number which of the rows it is
 * @param {Channel[]} found by channel, added to
 */
function look(count, values, row, number, found) {
  const channels = values.shape[values.shape.length - 1];
  const places = values.data.length / channels;
  const samples = Math.ceil(MOST_OTHERS / count);
  for (let channel = 0; channel < channels; channel++) {
    const { largest, others } = (found[channel] ??= { largest: [], others: [] });
    const made = (/** @type {number} */ k) => ({ row, place: placeOf(values.shape, k), value: values.data[k] });
    let best = channel;
    for (let k = channel; k < values.data.length; k += channels) if (values.data[k] > values.data[best]) best = k;
    for (let sample = number * samples; sample < (number + 1) * samples && others.length < MOST_OTHERS; sample++) {
      const k = Math.floor(((STEP * (sample + 1)) % 1) * places) * channels + channel;
      if (values.data[k] > 0) others.push(made(k));
    }
    if (!(values.data[best] > (largest[MOST - 1]?.value ?? 0))) continue;
    largest.push(made(best));
    largest.sort((one, other) => other.value - one.value);
    largest.length = Math.min(largest.length, MOST);
  }
}
