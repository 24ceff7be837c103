// The rows that are right in one run and wrong in another, and the one that is followed, with what each run predicts.

import { brightness, paint, paintColours } from "viewer/colour.js";
import { h, whenSeen } from "viewer/dom.js";
import { counted } from "viewer/figures.js";
import { outputsOf } from "viewer/rows/outputs.js";
import { paintRow, thumbnail } from "viewer/rows/thumbnail.js";
import { COMPUTING } from "viewer/words.js";

/** @typedef {import("viewer/compare/runs.js").Runs} Runs */
/** @typedef {import("viewer/document.js").ComparedRows} ComparedRows */
/** @typedef {import("viewer/document.js").ComparedRow} ComparedRow */
/** @typedef {import("viewer/epochs/epochs.js").Epochs} Epochs */
/** @typedef {import("viewer/state.js").State} State */

const MOST_OTHERS = 24;

/**
 * @param {Runs} runs whose cell says which rows are shown: "1.1" for those that the second run gains, "1.0" for those that it loses
 * @param {ComparedRows} view
 * @param {Epochs} epochs
 * @returns {HTMLElement}
 */
export function rowsThatChanged(runs, view, epochs) {
  const { state, view: { labels } } = runs;
  const list = h("ul", { class: "sides" });
  const says = h("p", { class: "muted", "aria-live": "polite" });
  const mark = () => list.querySelectorAll("button").forEach((button) => button.setAttribute("aria-pressed", String(Number(button.dataset.row) === state.now.row)));
  const draw = () => {
    const at = nearest(view.epochs, state.now.epoch);
    const shown = view.rows.filter((row) => isShown(row, state.now.cell));
    list.replaceChildren(...shown.map((row) => item(runs, row, at)));
    mark();
    const end = at === view.epochs.length - 1;
    const of = end ? "after training" : epochs.long(view.epochs[at]);
    const other = view.epochs[at] !== state.now.epoch && !end ? " Those of the epoch that is chosen are not in this page." : "";
    says.textContent = `${shown.length} of ${view.rows.length} rows. The predictions are those ${of}.${other} ${view.omitted}`.trim();
  };
  const filters = choices(labels, view, state);
  state.watch(["epoch", "cell", "theme"], draw);
  state.watch("row", mark);
  return h("div", {}, ...view.texts.map((text) => h("p", {}, text)), view.rows.length > 0 && filters, view.rows.length > 0 && says, list);
}

/**
 * The row that is followed: what each run predicts of it, and other rows that all of them kept.
 *
 * @param {Runs} runs
 * @returns {HTMLElement | null} null where no run has its values in this page
 */
export function oneRow(runs) {
  const { state, lead } = runs;
  if (!lead) return null;
  if (!runs.common.length) return h("p", { class: "notice" }, "No row is kept by all of these runs, so none is followed through them.");
  const title = h("h3", { tabindex: -1, id: "row" });
  const columns = runs.all.map((run) => ({ run, when: h("small"), body: h("div") }));
  const picture = h("div", { class: "thisrow" });
  const draw = () => {
    const { row } = state.now;
    const { text } = lead.row(row);
    title.textContent = text.replace(/^./, (letter) => letter.toUpperCase());
    picture.replaceChildren(thumbnail(lead, row));
    for (const { run, when, body } of columns) {
      when.textContent = runs.when(run);
      const made = run.model ? outputsOf(run.model, run.results, run.state.at) : [];
      const waits = run.model?.outputs.some((stage) => run.model?.isWaiting(run.state.at, stage));
      body.replaceChildren(...(made.length ? made : [h("p", { class: "muted" }, waits ? COMPUTING : run.model ? "Its prediction is not in this page." : run.omitted)]));
    }
  };
  const beside = h("div", { class: "columns", style: `--runs: ${columns.length}` }, ...columns.map(({ run, when, body }) => h("div", { class: "column", "data-run": run.at }, h("p", { class: "cap" }, h("b", {}, run.label), when), body)));
  const element = h("div", { class: "onerow" }, title, picture, beside, others(runs));
  state.watch(["row", "epoch", "theme"], whenSeen(element, draw, true));
  return element;
}

/**
 * @param {Runs} runs
 * @returns {HTMLElement | false} rows that did not change sides, to follow
 */
function others({ common, lead, state, view }) {
  const changed = new Set(view.rows?.rows.map(({ row }) => row));
  const rows = common.filter((row) => !changed.has(row)).slice(0, MOST_OTHERS);
  if (!rows.length || !lead) return false;
  const buttons = rows.map((row) => {
    const canvas = h("canvas", { "aria-hidden": "true" });
    const drawn = paintRow(canvas, lead, row);
    if (drawn) state.watch("theme", () => void paintRow(canvas, lead, row));
    const button = h("button", { type: "button", class: "row", onclick: () => state.set("row", row) }, drawn && canvas, h("span", {}, h("b", {}, `Row ${counted(row)}`), h("small", {}, lead.row(row).label_text)));
    state.watch("row", () => button.setAttribute("aria-pressed", String(state.now.row === row)));
    return button;
  });
  return h("details", { class: "otherrows" }, h("summary", {}, "Other rows that all of these runs kept"), h("div", { class: "rows", role: "group", "aria-label": "Other rows" }, ...buttons));
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
 * @param {Runs} runs
 * @param {ComparedRow} row
 * @param {number} at the place of the epoch
 * @returns {HTMLElement}
 */
function item(runs, row, at) {
  const said = h(
    "span",
    {},
    h("b", {}, row.true, h("small", {}, ` row ${counted(row.row)}`)),
    ...runs.view.labels.map((label, run) => {
      const right = row.right[at]?.[run];
      return h("span", { class: right ? "right" : "wrong" }, `${label}: ${row.predicted[at]?.[run] ?? "-"}`, h("span", {}, right ? " right" : " wrong"));
    }),
  );
  if (!runs.lead || !runs.common.includes(row.row)) return h("li", {}, h("div", { class: "side" }, said));
  return h("li", {}, h("button", { type: "button", class: "side", "data-row": row.row, title: "Follow this row", onclick: () => runs.state.set("row", row.row) }, thumbnail(runs.lead, row.row), said));
}
