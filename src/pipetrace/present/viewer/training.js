// The training: charts and a table that share their epochs.

import { lineChart } from "viewer/chart.js";
import { counted, h } from "viewer/dom.js";
import { marks } from "viewer/findings.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").EpochRow} EpochRow */
/** @typedef {import("viewer/state.js").State} State */

/**
 * @param {Document} view
 * @param {State} state
 * @returns {HTMLElement | null} null for a model that was not trained
 */
export function training({ training: view }, state) {
  if (view.absent) return null;
    return h(
    "section",
    { "aria-labelledby": "training-title" },
    h("h2", { id: "training-title" }, "Training", h("small", {}, counted(view.rows.length, "epoch"))),
    h("p", { id: "training", tabindex: -1 }, view.steps),
    view.empty && h("p", { class: "notice" }, view.empty),
    h("div", { class: "charts" }, ...view.charts.map((chart) => lineChart(chart, state))),
    view.rows.length > 0 && h("div", { class: "wide" }, table(view.columns, view.rows, state)),
    view.note && h("p", { class: "muted" }, view.note),
  );
}

/**
 * A name that may be broken after an underscore, and nowhere else.
 *
 * @param {string} name
 * @returns {(string | HTMLElement)[]}
 */
function breakable(name) {
  return name.split(/(?<=_)/).flatMap((part, index) => (index ? [h("wbr"), part] : [part]));
}

/**
 * @param {string[]} columns
 * @param {EpochRow[]} rows
 * @param {State} state
 * @returns {HTMLElement}
 */
function table(columns, rows, state) {
  const drawn = rows.map((row) =>
    h(
      "tr",
      {
        id: row.id,
        tabindex: -1,
        onpointerenter: () => state.set("pointed", row.epoch),
        onpointerleave: () => state.set("pointed", null),
      },
      ...row.cells.map((cell, index) =>
        h(index ? "td" : "th", { scope: index ? null : "row", title: row.exact[index] }, cell),
      ),
      h("td", { class: "observation" }, row.observation, ...marks(row.findings)),
    ),
  );
  state.watch("pointed", () => {
    rows.forEach((row, index) => drawn[index]?.classList.toggle("pointed", row.epoch === state.now.pointed));
  });
  return h(
    "table",
    // With many columns the observations stand below the numbers, as on a phone.
    { class: columns.length > 9 ? "epochs many" : "epochs", style: `--figures: ${columns.length - 1}` },
    h("thead", {}, h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, ...breakable(name))))),
    h("tbody", {}, ...drawn),
  );
}
