// How a stage changed over the epochs, as small charts.

import { lineChart } from "viewer/chart.js";
import { h } from "viewer/dom.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").StageView} StageView */
/** @typedef {import("viewer/state.js").State} State */

/**
 * @param {Document} view
 * @param {State} state
 * @returns {(words: StageView) => HTMLElement | null} the charts of a stage, drawn once; null where it has none
 */
export function coursesOf(view, state) {
  /** @type {Map<string, HTMLElement>} */
  const drawn = new Map();
  return ({ name, courses }) => {
    if (!courses.length) return null;
    const known = drawn.get(name);
    if (known) return known;
    const made = h(
      "div",
      { class: "courses" },
      h("h4", { class: "above" }, "Over the epochs", h("small", {}, "Measured after each epoch on some of the training rows; 0 is before training. Click to choose an epoch.")),
      h("div", { class: "several" }, ...courses.map((chart) => lineChart(chart, state, true, false))),
    );
    drawn.set(name, made);
    return made;
  };
}
