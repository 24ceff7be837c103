// How the stages are connected: boxes that link to the stages, and lines between them. Python placed them.

import { h, svg } from "viewer/dom.js";

/** @typedef {import("viewer/document.js").GraphView} GraphView */
/** @typedef {import("viewer/document.js").Box} Box */

/**
 * @param {GraphView | null} view
 * @returns {HTMLElement | null}
 */
export function graph(view) {
  if (!view || !view.boxes.length) return null;
  return h(
    "figure",
    { class: "graph" },
    h("figcaption", {}, view.label),
    h(
      "div",
      // A wide graph scrolls inside its frame, also by keyboard.
      { class: "frame", tabindex: 0, role: "region", "aria-label": "The graph" },
      svg(
        "svg",
        { width: view.width, height: view.height, viewBox: `0 0 ${view.width} ${view.height}`, role: "group", "aria-label": view.label },
        ...view.wires.map((wire) => svg("path", { class: "wire", d: wire.path, "aria-hidden": "true" })),
        ...view.boxes.map(box),
      ),
    ),
  );
}

/**
 * A box, which is a link; its name includes its inputs.
 *
 * @param {Box} view
 * @returns {SVGElement}
 */
function box(view) {
  return svg(
    "a",
    { class: `box ${view.kind}`, href: `#${encodeURIComponent(view.id)}` },
    svg("title", {}, view.label),
    view.kind === "group" && svg("rect", { class: "behind", x: view.x + 4, y: view.y + 4, width: view.width, height: view.height, rx: 4 }),
    svg("rect", { x: view.x, y: view.y, width: view.width, height: view.height, rx: 4 }),
    svg("text", { class: "name", x: view.x + view.width / 2, y: view.y + 17, "text-anchor": "middle" }, view.name),
    svg("text", { class: "note", x: view.x + view.width / 2, y: view.y + 33, "text-anchor": "middle" }, view.note),
  );
}
