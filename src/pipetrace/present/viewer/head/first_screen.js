// The first screen: what came of the run, and where to go from there.

import { largeDots, lineChart } from "viewer/chart.js";
import { h } from "viewer/dom.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/state.js").State} State */

/**
 * The first screen: what came of the run, its key figures and charts, the pipeline at a glance, and ways on.
 *
 * @param {Document} view
 * @param {State} state
 * @param {import("viewer/epochs/epochs.js").Epochs} epochs
 * @param {HTMLElement | null} live that the page loads itself again
 * @param {boolean} followed whether rows were recorded
 * @param {boolean} rows whether it is shown which rows are right and wrong
 * @returns {HTMLElement}
 */
export function firstScreen(view, state, epochs, live, followed, rows) {
  const { absent, charts } = view.training;
  const level = view.findings.found[0]?.level;
  return h(
    "header",
    { id: "top" },
    h(
      "div",
      { class: "first" },
      h(
        "div",
        {},
        h("div", { class: "kind" }, h("h1", {}, view.title), ` · ${[view.kind, ...view.facts].join(" · ")}`),
        live,
        h("p", { class: "headline" }, view.headline),
        view.remark && h("p", { class: "remark" }, view.remark),
        view.events.length > 0 && h("ul", { class: "events" }, ...view.events.map((event) => h("li", {}, event))),
        h(
          "p",
          { class: "ways" },
          followed && h("a", { class: "way main", href: "#flow" }, "Follow one row through it"),
          !absent && view.training.rows.length > 0 && h("a", { class: "way", href: "#training-title" }, "See how it learned"),
          rows && h("a", { class: "way", href: "#results" }, "See what is right and wrong"),
          level && h("a", { class: "way", href: "#findings" }, level === "note" ? "Read the notes" : "Read the findings"),
        ),
      ),
      !absent && charts.length > 0 && h("div", { class: "small" }, ...charts.slice(0, 2).map((chart) => lineChart(chart, state, true)), largeDots(charts[0])),
    ),
    view.figures.length > 0 &&
      h(
        "dl",
        { class: "key" },
        ...view.figures.map((figure) => keyFigure(figure, view, state, epochs)),
      ),
    view.notice && h("p", { class: "notice" }, view.notice),
  );
}

/**
 * @param {import("viewer/document.js").KeyFigure} figure
 * @param {Document} view
 * @param {State} state
 * @param {import("viewer/epochs/epochs.js").Epochs} epochs
 * @returns {HTMLElement} a figure, after the epoch that is chosen where it is in the table of epochs
 */
function keyFigure({ name, text, note, level, column }, view, state, epochs) {
  const [value, below] = [h("span", {}), h("small", {})];
  state.watch("epoch", () => {
    const now = column === null || state.now.epoch === state.end ? null : state.now.epoch;
    const then = (now ? view.training.rows.find((row) => row.epoch === now)?.cells : view.training.start)?.[column ?? 0] || "not recorded";
    value.textContent = now === null ? text : then;
    below.textContent = now === null ? note : epochs.long(now);
  });
  return h("div", { class: level }, h("dt", {}, name), h("dd", {}, value, below));
}
