// The page of a comparison: tables of what differs, the charts of all runs, and the rows that changed sides. One epoch is
// chosen for all of it, and stands in the address with the rows that are shown and the theme.

import { mirror } from "viewer/address.js";
import { lineChart } from "viewer/chart.js";
import { rowsThatChanged } from "viewer/compare/rows.js";
import { h } from "viewer/dom.js";
import { epochsOf } from "viewer/epochs/epochs.js";
import { scrubber } from "viewer/epochs/scrubber.js";
import { theme } from "viewer/head/bar.js";
import { grid } from "viewer/outcome.js";
import { State } from "viewer/state.js";

/** @typedef {import("viewer/document.js").ComparisonView} ComparisonView */
/** @typedef {import("viewer/epochs/epochs.js").Epochs} Epochs */

export function start() {
  /** @type {ComparisonView} */
  const view = JSON.parse(document.getElementById("document")?.textContent ?? "null");
  const numbers = [...new Set([...view.epochs.map((each) => each.epoch), ...(view.rows?.epochs ?? [])])].sort((a, b) => a - b);
  const state = new State(0, { stage: "", row: 0, epoch: numbers.at(-1) ?? 0 }, () => 0);
  state.watch("theme", () => {
    if (state.now.theme) document.documentElement.dataset.theme = state.now.theme;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => state.changed("theme"));
  const epochs = epochsOf(numbers.filter((each) => each > 0), numbers.includes(0), state);
  const page = h(
    "div",
    { class: "comparison" },
    h(
      "header",
      { id: "top" },
      h("p", { class: "kind" }, h("h1", {}, view.title), " · Comparison of runs"),
      h("p", { class: "headline" }, view.headline.split(". ")[0].replace(/\.$/, "") + "."),
      rest(view.headline) && h("p", { class: "remark" }, rest(view.headline)),
      table(view.runs),
    ),
    h(
      "main",
      {},
      section("causes", "What was set differently", view.causes ? table(view.causes) : h("p", {}, "Nothing that was recorded."), view.unknown && h("p", { class: "muted" }, `Not recorded in all runs: ${view.unknown}.`)),
      section("weights", "Weights", ...view.weights.map((text) => h("p", {}, text))),
      view.metrics && section("metrics", "Metrics", table(view.metrics), atEpoch(view, state, epochs), view.charts.length > 0 && h("div", { class: "charts" }, ...view.charts.map((chart) => lineChart(chart, state, true, false)))),
      view.classes && section("classes", `By class: ${view.of_rows} rows`, table(view.classes)),
      view.rows && section("rows", "Rows that changed sides", rowsThatChanged(view.labels, view.rows, state, epochs)),
    ),
  );
  document.getElementById("app")?.replaceChildren(bar(view, state, epochs, page), page);
  mirror(null, state);
  document.addEventListener("keydown", (event) => {
    const step = { ",": -1, ".": 1 }[event.key];
    if (step && !event.ctrlKey && !event.metaKey && !event.altKey) epochs.go(step);
  });
}

/**
 * @param {import("viewer/document.js").Grid} view
 * @returns {HTMLElement} a table that the keyboard can scroll where it is wider than a phone
 */
function table(view) {
  const made = grid(view);
  made.tabIndex = 0;
  made.setAttribute("role", "region");
  made.setAttribute("aria-label", view.label);
  return made;
}

/**
 * @param {string} text
 * @returns {string} all but its first sentence
 */
function rest(text) {
  return text.split(". ").slice(1).join(". ");
}

/**
 * @param {string} id
 * @param {string} title
 * @param {...import("viewer/dom.js").Child} parts
 * @returns {HTMLElement}
 */
function section(id, title, ...parts) {
  return h("section", { "aria-labelledby": id }, h("h2", { id }, title), ...parts);
}

/**
 * @param {ComparisonView} view
 * @param {State} state
 * @param {Epochs} epochs
 * @param {HTMLElement} page
 * @returns {HTMLElement}
 */
function bar(view, state, epochs, page) {
  const links = [...page.querySelectorAll("h2[id]")].map((title) => h("a", { href: `#${title.id}` }, title.textContent));
  return h(
    "nav",
    { class: "topbar", "aria-label": "The page" },
    h("a", { class: "name", href: "#top" }, view.title),
    h("div", { class: "parts" }, ...links),
    h("div", { class: "controls" }, scrubber(epochs, state), theme(state)),
  );
}

/**
 * @param {ComparisonView} view
 * @param {State} state
 * @param {Epochs} epochs
 * @returns {HTMLElement} the metrics after the epoch that is chosen
 */
function atEpoch(view, state, epochs) {
  const place = h("div", { class: "atepoch", "aria-live": "polite" });
  state.watch("epoch", () => {
    const found = view.epochs.find((each) => each.epoch === state.now.epoch);
    place.replaceChildren(
      h("h3", {}, epochs.long(state.now.epoch).replace(/^./, (letter) => letter.toUpperCase())),
      found ? table(found.table) : h("p", { class: "muted" }, "No metrics of this epoch are in this page."),
    );
  });
  return place;
}
