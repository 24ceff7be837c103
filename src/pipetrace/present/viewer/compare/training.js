// The metrics of all runs after each epoch: those of the chosen one as key figures, and all of them as a table.

import { h } from "viewer/dom.js";

/** @typedef {import("viewer/compare/runs.js").Runs} Runs */
/** @typedef {import("viewer/epochs/epochs.js").Epochs} Epochs */

/**
 * @param {Runs} runs
 * @param {Epochs} epochs
 * @returns {HTMLElement} the metrics after the epoch that is chosen
 */
export function keyFigures({ view, state }, epochs) {
  const when = h("th", { scope: "col" });
  const rows = view.measured.map((name) => ({ name, cells: view.labels.map(() => h("td")) }));
  state.watch("epoch", () => {
    const found = view.epochs.find((each) => each.epoch === state.now.epoch);
    const atEnd = state.now.epoch === state.end;
    when.textContent = atEnd ? "at the end" : epochs.long(state.now.epoch);
    rows.forEach(({ cells }, metric) =>
      cells.forEach((cell, run) => {
        const text = atEnd ? view.final[metric][run] : found?.cells[metric][run];
        const known = text !== undefined && text !== "-";
        cell.textContent = known ? text : state.now.epoch > view.lengths[run] ? `ended after epoch ${view.lengths[run]}` : "not recorded";
        cell.classList.toggle("absent", !known);
      }),
    );
  });
  return h(
    "div",
    { class: "wide", tabindex: 0, role: "group", "aria-label": "The metrics after the epoch that is chosen" },
    h(
      "table",
      { class: "metrics-now", "aria-live": "polite" },
      h("thead", {}, h("tr", {}, when, ...view.labels.map((label, run) => h("th", { scope: "col", class: `of ${view.roles[run]}` }, label)))),
      h("tbody", {}, ...rows.map(({ name, cells }) => h("tr", {}, h("th", { scope: "row" }, name), ...cells))),
    ),
  );
}

/**
 * @param {Runs} runs
 * @returns {HTMLElement | null} a row for each epoch; null without any
 */
export function epochTable({ view, state }) {
  if (!view.epochs.length) return null;
  const rows = view.epochs.map(({ epoch, cells }) =>
    h(
      "tr",
      { onclick: () => state.set("epoch", epoch) },
      h("th", { scope: "row" }, h("button", { type: "button", class: "bare", onclick: () => state.set("epoch", epoch) }, `Epoch ${epoch}`)),
      ...cells.flatMap((of) => of.map((cell, run) => h("td", { class: run ? "" : "begins" }, cell))),
    ),
  );
  state.watch("epoch", () => rows.forEach((row, at) => row.classList.toggle("now", view.epochs[at].epoch === state.now.epoch)));
  const names = view.measured.map((name) => h("th", { scope: "colgroup", colspan: view.labels.length, class: "begins" }, name));
  const labels = view.measured.flatMap(() => view.labels.map((label, run) => h("th", { scope: "col", class: `of ${view.roles[run]}${run ? "" : " begins"}` }, label)));
  return h(
    "div",
    { class: "wide epochs-of-all", tabindex: 0, role: "group", "aria-label": "The metrics after each epoch" },
    h("table", {}, h("thead", {}, h("tr", {}, h("td", { rowspan: 2 }), ...names), h("tr", {}, ...labels)), h("tbody", {}, ...rows)),
  );
}
