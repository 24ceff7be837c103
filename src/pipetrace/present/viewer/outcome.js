// One output of the model for a row: bars, a threshold, a table, or images.

import { bars } from "viewer/chart.js";
import { h, svg } from "viewer/dom.js";
import { image } from "viewer/image.js";

/** @typedef {import("viewer/document.js").Grid} Grid */
/** @typedef {import("viewer/document.js").OutcomeView} OutcomeView */
/** @typedef {import("viewer/document.js").Threshold} Threshold */

const SIGNS = /** @type {Record<string, string>} */ ({ wrong: "wrong", hidden: "hidden" });

/**
 * @param {OutcomeView} view
 * @returns {HTMLElement}
 */
export function outcome(view) {
  return h(
    "div",
    { class: "outcome" },
    view.name && h("h3", {}, view.name),
    view.threshold && line(view.threshold),
    view.bars.length > 0 && bars(view.bars, view.bars_label),
    view.table && grid(view.table),
    view.images.length > 0 &&
      h(
        "div",
        { class: "results" },
        ...view.images.map((each) => h("div", {}, h("p", { class: "caption" }, each.label), image(each))),
      ),
  );
}

/**
 * A probability on a line from 0 to 1, and the threshold.
 *
 * @param {Threshold} view
 * @returns {HTMLElement}
 */
function line(view) {
  const [width, left, right] = [440, 12, 428];
  const x = (/** @type {number} */ share) => left + share * (right - left);
  return h(
    "figure",
    { class: "threshold" },
    svg(
      "svg",
      { viewBox: `0 0 ${width} 52`, role: "img", "aria-label": view.text },
      svg("line", { class: "axis", x1: left, x2: right, y1: 18, y2: 18 }),
      svg("line", { class: "limit", x1: x(view.limit), x2: x(view.limit), y1: 4, y2: 32 }),
      svg("circle", { cx: x(view.at), cy: 18, r: 7 }),
      svg("text", { x: left, y: 48, "text-anchor": "middle" }, "0"),
      svg("text", { x: x(view.limit), y: 48, "text-anchor": "middle" }, String(view.limit)),
      svg("text", { x: right, y: 48, "text-anchor": "middle" }, "1"),
    ),
    h("figcaption", {}, view.text),
  );
}

/**
 * @param {Grid} view
 * @returns {HTMLElement}
 */
export function grid(view) {
  const marked = view.marks.some((mark) => SIGNS[mark]);
  return h(
    "div",
    { class: "wide" },
    h(
      "table",
      { class: "grid", "aria-label": view.label },
      h(
        "thead",
        {},
        h("tr", {}, ...view.columns.map((name) => h("th", { scope: "col" }, name)), marked && h("th", { scope: "col" }, "")),
      ),
      h(
        "tbody",
        {},
        ...view.rows.map((cells, index) =>
          h(
            "tr",
            { class: view.marks[index] ?? "" },
            ...cells.map((cell) => h("td", {}, cell)),
            marked && h("td", {}, SIGNS[view.marks[index] ?? ""] ?? ""),
          ),
        ),
      ),
    ),
    view.note && h("p", { class: "muted" }, view.note),
  );
}
