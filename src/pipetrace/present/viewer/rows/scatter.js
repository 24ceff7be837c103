// Predicted against true numbers; a point opens its row.

import { h, svg } from "viewer/dom.js";
import { rove, tabStop } from "viewer/explore/rove.js";
import { figure } from "viewer/figures.js";

/** @typedef {import("viewer/rows/results.js").Part} Part */
/** @typedef {import("viewer/rows/results.js").Shared} Shared */

const [SIZE, LEFT, BOTTOM, TOP] = [400, 56, 40, 8];

/**
 * @param {Shared} shared
 * @returns {Part} for an output of one number
 */
export function scatter({ state, outcomes, model }) {
  const element = h("div", { class: "scatter" });
  rove(element);
  const mark = () => {
    const chosen = element.querySelector(`[data-row="${state.now.row}"]`);
    for (const point of element.querySelectorAll("[data-row]")) point.setAttribute("aria-pressed", String(point === chosen));
    const focused = chosen !== null && chosen === document.activeElement;
    chosen?.parentElement?.append(chosen); // above the others; a moved element loses the focus
    if (focused) /** @type {SVGElement} */ (chosen).focus({ preventScroll: true });
    tabStop(element, chosen);
  };
  return {
    element,
    mark,
    draw: (came) => {
      const epoch = outcomes.nearest(state.now.epoch);
      const points = came.map(({ row, place }) => ({ row, x: outcomes.wanted(place).data[0], y: outcomes.given(epoch, place).data[0] }));
      const focused = element.contains(document.activeElement) ? document.activeElement?.getAttribute("data-row") : null;
      element.replaceChildren(
        againstTrue(points, { role: "group", "aria-label": "Predicted against true numbers" }, ({ row, x, y }) => ({
          role: "button",
          "data-row": row,
          "aria-label": `${model.row(row).text}: true ${figure(x)}, predicted ${figure(y)}`,
          onclick: () => state.set("row", row),
        })),
        h("p", { class: "muted" }, "On the line, the prediction is right. Choose a point to follow its row."),
      );
      mark();
      if (focused) /** @type {SVGElement | null} */ (element.querySelector(`[data-row="${focused}"]`))?.focus({ preventScroll: true });
    },
  };
}

/**
 * @template {{ x: number, y: number }} P
 * @param {readonly P[]} points true and predicted numbers
 * @param {Record<string, any>} attributes of the whole
 * @param {(point: P) => Record<string, any>} dot what each point has beside its place
 * @returns {SVGElement}
 */
export function againstTrue(points, attributes, dot) {
  const all = points.flatMap(({ x, y }) => [x, y]);
  const [low, high] = all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
  const at = (/** @type {number} */ value) => (high > low ? (value - low) / (high - low) : 0.5) * (SIZE - LEFT - TOP);
  const [x, y] = [(/** @type {number} */ value) => LEFT + at(value), (/** @type {number} */ value) => SIZE - BOTTOM - at(value)];
  return svg(
    "svg",
    { viewBox: `0 0 ${SIZE} ${SIZE}`, ...attributes },
    svg("line", { class: "axis", x1: x(low), x2: x(high), y1: y(low), y2: y(high) }),
    svg("line", { class: "frame", x1: LEFT, x2: LEFT, y1: TOP, y2: SIZE - BOTTOM }),
    svg("line", { class: "frame", x1: LEFT, x2: SIZE - TOP, y1: SIZE - BOTTOM, y2: SIZE - BOTTOM }),
    svg("text", { x: LEFT, y: SIZE - 22, "text-anchor": "start" }, figure(low)),
    svg("text", { x: SIZE - TOP, y: SIZE - 22, "text-anchor": "end" }, figure(high)),
    svg("text", { x: (LEFT + SIZE) / 2, y: SIZE - 4, "text-anchor": "middle" }, "true"),
    svg("text", { x: LEFT - 6, y: y(high) + 10, "text-anchor": "end" }, figure(high)),
    svg("text", { x: LEFT - 6, y: y(low), "text-anchor": "end" }, figure(low)),
    svg("text", { x: 14, y: SIZE / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${SIZE / 2})` }, "predicted"),
    svg("g", {}, ...points.map((point) => svg("circle", { cx: x(point.x), cy: y(point.y), r: 4, ...dot(point) }))),
  );
}
