// The rows that the model is computed for: those that were followed, those that are kept, and one of the reader's own.

import { counted } from "viewer/figures.js";
import { decode, rowOf, TEXT, texts } from "viewer/model/decode.js";

/** @typedef {import("viewer/document.js").ModelView} ModelView */
/** @typedef {import("viewer/document.js").RowView} RowView */
/** @typedef {import("viewer/document.js").Tensor} Tensor */
/** @typedef {import("viewer/model/values.js").Values} Values */

/**
 * @typedef {object} Row
 * @property {number} row its number in the data; `OWN` for the reader's own
 * @property {number | null} label its true class
 * @property {string} label_text the name of that
 * @property {string} text which it is, in words
 * @property {RowView | null} followed what was recorded of it at every stage
 * @property {number | null} place among the kept rows
 * @property {boolean} validation whether it is known to be of the validation set
 */

/** The number of the row that the reader made. */
export const OWN = -1;

export class Rows {
  /** @param {ModelView} view */
  constructor({ rows, kept, outputs, epochs, class_names }) {
    this.kept = kept;
    this.epochs = epochs;
    /** @type {Map<string, number>} the stage of each output that is the first one of its stage */
    this.outputs = new Map(outputs.flatMap(({ source, output }, at) => (output ? [] : [[source, at]])));
    /** @type {Map<Tensor, Values>} */
    this.decoded = new Map();
    /** @type {Record<string, Values[]>} what was kept of a stage, by the places of the rows */
    this.inputs = {};
    /** @type {string[] | null} */
    this.texts = null;
    /** @type {Map<string, Values>} what the reader's own row is, by stage */
    this.own = new Map();
    /** @type {Map<number, Row>} by their numbers, the followed ones first */
    this.all = new Map();
    for (const followed of rows) this.add(followed.row, followed.label, followed.label_text, { followed });
    const labels = kept?.labels ? this.decode(kept.labels).data : null;
    const validation = kept ? this.decode(kept.validation).data : [];
    (kept ? this.decode(kept.rows).data : []).forEach((number, place) => {
      const label = labels ? labels[place] : null;
      const found = { place, validation: validation[place] === 1 };
      const known = this.all.get(number);
      if (known) Object.assign(known, found);
      else this.add(number, label, label === null ? "" : (class_names[label] ?? ""), found);
    });
    /** The one that is looked at first. */
    this.first = [...this.all.keys()][0] ?? OWN;
  }

  /**
   * @param {number} row
   * @param {number | null} label
   * @param {string} label_text
   * @param {Partial<Row>} more
   */
  add(row, label, label_text, more) {
    const truly = label_text || (label === null ? "" : `class ${label}`);
    const text = `row ${counted(row)}${truly ? `, truly ${truly}` : ""}`;
    this.all.set(row, { row, label, label_text, text, followed: null, place: null, validation: false, ...more });
  }

  /**
   * @param {Tensor} tensor
   * @returns {Values} unpacked once
   */
  decode(tensor) {
    let found = this.decoded.get(tensor);
    if (!found) this.decoded.set(tensor, (found = decode(tensor)));
    return found;
  }

  /**
   * What a stage gives whatever the weights are: the row itself, and what the steps before the model made of it.
   *
   * @param {number} row
   * @param {string} stage
   * @returns {Values | null}
   */
  given(row, stage) {
    if (row === OWN) return this.own.get(stage) ?? null;
    const input = this.kept?.inputs.find((each) => each.stage === stage);
    const place = this.all.get(row)?.place ?? null;
    if (!input || place === null || input.values.dtype === TEXT) return null;
    const made = this.inputs[stage] ??= [];
    return (made[place] ??= rowOf(this.decode(input.values), place, input.levels && this.decode(input.levels).data));
  }

  /**
   * @param {number} row
   * @returns {string | null} the text of a row, where the model receives texts
   */
  textOf(row) {
    const input = this.kept?.inputs.find((each) => each.values.dtype === TEXT);
    const place = this.all.get(row)?.place ?? null;
    if (!input || place === null) return null;
    this.texts ??= texts(input.values);
    return this.texts[place];
  }

  /**
   * @param {number} row
   * @param {string} stage
   * @returns {Values | null} what was recorded of a followed row after training
   */
  followed(row, stage) {
    const tensor = this.all.get(row)?.followed?.outputs[stage];
    return tensor ? this.decode(tensor) : null;
  }

  /**
   * What the model gave for a kept row, as it was recorded.
   *
   * @param {number} row
   * @param {string} stage that gives an output of the model
   * @param {number | null} epoch null for after training
   * @returns {Values | null}
   */
  result(row, stage, epoch) {
    const place = this.all.get(row)?.place ?? null;
    const output = this.outputs.get(stage);
    if (!this.kept || place === null || output === undefined) return null;
    const all = epoch === null ? this.kept.outputs : this.epochs.find((each) => each.number === epoch)?.outputs;
    return all?.[output] ? rowOf(this.decode(all[output]), place) : null;
  }
}
