// The rows that are right in one run and wrong in another, with their images and what each run predicts.

import { brightness, paint, paintColours } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { decode } from "viewer/tensor.js";

/** @typedef {import("viewer/document.js").ComparedRows} ComparedRows */
/** @typedef {import("viewer/document.js").ComparedRow} ComparedRow */
/** @typedef {import("viewer/epochs/epochs.js").Epochs} Epochs */
/** @typedef {import("viewer/state.js").State} State */

/**
 * @param {readonly string[]} labels a letter for each run
 * @param {ComparedRows} view
 * @param {State} state whose cell says which rows are shown: "1.1" for those that the second run gains, "1.0" for those that it loses
 * @param {Epochs} epochs
 * @returns {HTMLElement}
 */
export function rowsThatChanged(labels, view, state, epochs) {
  const list = h("ul", { class: "sides" });
  const says = h("p", { class: "muted", "aria-live": "polite" });
  const draw = () => {
    const at = nearest(view.epochs, state.now.epoch);
    const shown = view.rows.filter((row) => isShown(row, state.now.cell));
    list.replaceChildren(...shown.map((row) => item(labels, row, at)));
    const end = at === view.epochs.length - 1;
    const of = end ? "after training" : epochs.long(view.epochs[at]);
    const other = view.epochs[at] !== state.now.epoch && !end ? " Those of the epoch that is chosen are not in this page." : "";
    says.textContent = `${shown.length} of ${view.rows.length} rows. The predictions are those ${of}.${other} ${view.omitted}`.trim();
  };
  const filters = choices(labels, view, state);
  state.watch(["epoch", "cell", "theme"], draw);
  return h("div", {}, ...view.texts.map((text) => h("p", {}, text)), view.rows.length > 0 && filters, view.rows.length > 0 && says, list);
}

/**
 * @param {readonly string[]} labels
 * @param {ComparedRows} view
 * @param {State} state
 * @returns {HTMLElement} buttons that choose which rows are shown
 */
function choices(labels, view, state) {
  /** @type {[string | null, string][]} */
  const all = [[null, "All"]];
  for (let run = 1; run < labels.length; run++) all.push([`${run}.1`, `${labels[run]} gains`], [`${run}.0`, `${labels[run]} loses`]);
  const buttons = all.map(([cell, name]) => {
    const count = view.rows.filter((row) => isShown(row, cell)).length;
    const button = h("button", { type: "button", class: "plain", onclick: () => state.set("cell", cell) }, `${name} (${count})`);
    state.watch("cell", () => button.setAttribute("aria-pressed", String(state.now.cell === cell)));
    return button;
  });
  return h("div", { class: "choices", role: "group", "aria-label": "Rows to show" }, ...buttons);
}

/**
 * @param {ComparedRow} row
 * @param {string | null} cell
 * @returns {boolean} whether it is among the rows that a cell stands for, by the models as training left them
 */
function isShown(row, cell) {
  if (!cell) return true;
  const [run, gains] = cell.split(".").map(Number);
  const right = row.right[row.right.length - 1] ?? [];
  return right[run] === Boolean(gains) && right[0] !== right[run];
}

/**
 * @param {readonly number[]} known
 * @param {number} epoch
 * @returns {number} the place of the latest one that is not after it, else the first
 */
function nearest(known, epoch) {
  const before = known.filter((each) => each <= epoch).length;
  return Math.max(0, before - 1);
}

/**
 * @param {readonly string[]} labels
 * @param {ComparedRow} row
 * @param {number} at the place of the epoch
 * @returns {HTMLElement}
 */
function item(labels, row, at) {
  return h(
    "li",
    {},
    picture(row),
    h(
      "div",
      {},
      h("b", {}, row.true, h("small", {}, ` row ${row.number}`)),
      ...labels.map((label, run) => {
        const right = row.right[at]?.[run];
        return h("p", { class: right ? "right" : "wrong" }, `${label}: ${row.predicted[at]?.[run] ?? "-"}`, h("span", {}, right ? " right" : " wrong"));
      }),
    ),
  );
}

/**
 * @param {ComparedRow} row
 * @returns {HTMLCanvasElement | null}
 */
function picture({ picture: image }) {
  if (!image) return null;
  const canvas = h("canvas", { "aria-hidden": "true" });
  const values = decode(image.values);
  const columns = image.shape[1];
  if (image.shape.length === 3) paintColours(canvas, values, columns, brightness(values));
  else paint(canvas, values, columns, values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1, values.some((value) => value < 0) ? "signed" : "ink");
  return canvas;
}
