// Target and output of the row that is followed as two lines, where it is a series.

import { h, svg } from "viewer/dom.js";
import { figure } from "viewer/figures.js";

/** @typedef {import("viewer/rows/results.js").Part} Part */
/** @typedef {import("viewer/rows/results.js").Shared} Shared */

const [WIDTH, HEIGHT, LEFT, BELOW, TOP] = [400, 190, 56, 24, 10];
/** So many numbers are a series; fewer are read in the table of the prediction. */
export const LEAST = 12;

/**
 * @param {Shared} shared
 * @returns {Part}
 */
export function course({ state, outcomes, model }) {
  const element = h("div", { class: "course" });
  const draw = () => {
    const { place, text } = model.row(state.now.row);
    if (place === null) return element.replaceChildren(h("p", { class: "muted" }, "Choose a row to see its target and its output."));
    const [target, output] = [outcomes.wanted(place).data, outcomes.given(outcomes.nearest(state.now.epoch), place).data];
    const all = [...target, ...output].filter(Number.isFinite);
    const [low, high] = all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
    const x = (/** @type {number} */ at) => LEFT + (at / Math.max(1, target.length - 1)) * (WIDTH - LEFT - TOP);
    const y = (/** @type {number} */ value) => HEIGHT - BELOW - (high > low ? (value - low) / (high - low) : 0.5) * (HEIGHT - BELOW - TOP);
    // NaN and Inf leave a gap.
    const path = (/** @type {Float32Array} */ data) => Array.from(data, (value, at) => (Number.isFinite(value) ? `${at && Number.isFinite(data[at - 1]) ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}` : "")).join("");
    const tick = (/** @type {number} */ value) => svg("g", { class: "tick" }, svg("line", { x1: LEFT, x2: WIDTH - TOP, y1: y(value), y2: y(value) }), svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, figure(value)));
    element.replaceChildren(
      h("p", { class: "caption" }, `${text}: `, h("span", { class: "swatch validation" }, "target"), " ", h("span", { class: "swatch training" }, "output")),
      svg(
        "svg",
        { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `Target and output of ${text}, from ${figure(low)} to ${figure(high)}` },
        tick(low),
        tick(high),
        low < 0 && high > 0 && svg("g", { class: "tick" }, svg("line", { x1: LEFT, x2: WIDTH - TOP, y1: y(0), y2: y(0) })),
        svg("text", { class: "tick", x: x(0), y: HEIGHT - 4 }, "0"),
        svg("text", { class: "tick", x: x(target.length - 1), y: HEIGHT - 4, "text-anchor": "end" }, String(target.length - 1)),
        svg("path", { class: "line validation", d: path(target) }),
        svg("path", { class: "line training", d: path(output) }),
      ),
    );
  };
  return { element, draw, mark: draw };
}
