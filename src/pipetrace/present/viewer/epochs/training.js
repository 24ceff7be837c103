// The training: a table with a column for each epoch, what happened in each, and the further charts.

import { lineChart } from "viewer/chart.js";
import { counted, h, whenSeen } from "viewer/dom.js";
import { columnsOf, film } from "viewer/epochs/film.js";
import { marks } from "viewer/findings.js";
import { grid } from "viewer/outcome.js";
import { COMPUTING, explained } from "viewer/words.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").EpochRow} EpochRow */
/** @typedef {import("viewer/epochs/epochs.js").Epochs} Epochs */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/state.js").State} State */

/**
 * @param {Document} view
 * @param {Model | null} model
 * @param {State} state
 * @param {Epochs} epochs
 * @returns {HTMLElement | null} null for a model that was not trained
 */
export function training({ training: view }, model, state, epochs) {
  if (view.absent) return null;
  const columns = columnsOf(epochs, model);
  const whole = view.rows.every((row) => columns.includes(row.epoch));
  const told = whole ? view.rows : view.rows.filter((row) => columns.includes(row.epoch) || row.findings.length);
  return h(
    "section",
    { "aria-labelledby": "training-title" },
    h("h2", { id: "training-title" }, "Training", h("small", {}, counted(view.rows.length, "epoch"))),
    h("p", { id: "training", tabindex: -1 }, ...explained(view.steps)),
    view.empty && h("p", { class: "notice" }, view.empty),
    view.rows.length > 0 && h("p", { class: "muted" }, ...explained(`Each column is the model after ${whole ? "one more epoch" : "one of the epochs"}. The marked one is what the page shows: click, drag in the chart, or press `), h("kbd", {}, ","), " and ", h("kbd", {}, "."), "."),
    view.rows.length > 0 && film(view, model, state, epochs),
    view.rows.length > 0 && model && checked(model, state, columns),
    view.rows.length > 0 && story(told, whole, state),
    !whole && h("details", { class: "allepochs" }, h("summary", {}, `All ${counted(view.rows.length, "epoch")} in numbers`), h("div", { class: "wide" }, table(view.columns, view.rows, state))),
    view.charts.length > 2 && h("div", { class: "charts" }, ...view.charts.slice(2).map((chart) => lineChart(chart, state))),
    view.note && h("p", { class: "muted" }, view.note),
    view.evaluations && h("h3", {}, view.evaluations.label),
    view.evaluations && grid(view.evaluations),
  );
}

/**
 * What the columns were computed from, and whether the model's outputs are those that were recorded.
 *
 * @param {Model} model
 * @param {State} state
 * @param {number[]} columns
 * @returns {HTMLElement}
 */
function checked(model, state, columns) {
  const line = h("p", { class: "agreement" });
  // As many forward passes as columns: after the first row, not before one looks.
  const draw = whenSeen(line, () => model.within(() => {
    const { row } = state.now;
    const found = columns.filter((each) => model.epochs.includes(each)).map((each) => model.agreement({ row, epoch: each }));
    const yours = columns.filter((each) => model.edits.weights(each));
    const compared = found.filter((each) => each !== null);
    if (columns.some((epoch) => model.outputs.some((stage) => model.isWaiting({ row, epoch }, stage)))) return void (line.textContent = COMPUTING);
    const shown = columns.filter((epoch) => model.outputs.some((stage) => model.recorded({ row, epoch }, stage) && !model.isComputed({ row, epoch }, stage))).length;
    const wrong = compared.some((each) => !each.agrees);
    line.classList.toggle("wrong", wrong);
    const largest = Math.max(0, ...compared.map((each) => each.difference));
    line.textContent =
      wrong
        ? `Computed here and recorded outputs differ by up to ${largest.toPrecision(2)}, so the table does not show what happened.`
        : compared.length
          ? `✓ Computed here from the recorded weights${yours.length ? `, but for those that you changed in ${counted(yours.length, "column")}` : ""}. The outputs of ${compared.length} of ${columns.length} columns were recorded too: the largest difference is ${largest ? largest.toPrecision(2) : "0"}.${shown ? ` Those of ${counted(shown, "column")} are shown as recorded: they cannot be computed here.` : ""}`
          : "";
  }), true);
  state.watch("row", draw);
  return line;
}

/**
 * What happened in each epoch, in sentences.
 *
 * @param {EpochRow[]} rows
 * @param {boolean} whole whether these are all epochs; else the table has their places
 * @param {State} state
 * @returns {HTMLElement}
 */
function story(rows, whole, state) {
  const items = rows.map((row) =>
    h(
      "li",
      { id: whole ? row.id : null, tabindex: -1 },
      h("button", { type: "button", class: "bare", onclick: () => state.set("epoch", row.epoch) }, `Epoch ${row.epoch}`),
      h("div", {}, row.border && h("p", { class: "border" }, row.border), row.observation, ...marks(row.findings)),
    ),
  );
  state.watch("epoch", () => items.forEach((item, at) => item.classList.toggle("now", rows[at].epoch === state.now.epoch)));
  return h("ol", { class: "story" }, ...items);
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
      { id: row.id, tabindex: -1, onclick: () => state.set("epoch", row.epoch) },
      ...row.cells.map((cell, index) => h(index ? "td" : "th", { scope: index ? null : "row", title: row.exact[index] }, cell)),
      h("td", { class: "observation" }, row.border && h("p", { class: "border" }, row.border), row.observation, ...marks(row.findings)),
    ),
  );
  state.watch("epoch", () => {
    rows.forEach((row, index) => drawn[index]?.classList.toggle("pointed", row.epoch === state.now.epoch));
  });
  return h(
    "table",
    // With many columns the observations stand below the numbers, as on a phone.
    { class: columns.length > 9 ? "epochs many" : "epochs", style: `--figures: ${columns.length - 1}` },
    h("thead", {}, h("tr", {}, ...columns.map((name) => h("th", { scope: "col" }, ...breakable(name))))),
    h("tbody", {}, ...drawn),
  );
}
