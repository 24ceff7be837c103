// The rows of the page over the plane, by their class or their true number; a point opens its row.

import { colourOf } from "viewer/colour.js";
import { svg } from "viewer/dom.js";
import { rove, tabStop } from "viewer/explore/rove.js";
import { figure } from "viewer/figures.js";
import { valuesOf } from "viewer/plane/space.js";
import { classColour } from "viewer/plane/shown.js";
import { largest } from "viewer/rows/outcomes.js";

/** @typedef {import("viewer/document.js").ResultsView} ResultsView */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/plane/shown.js").Colouring} Colouring */
/** @typedef {import("viewer/plane/shown.js").Shown} Shown */
/** @typedef {import("viewer/plane/space.js").Feature} Feature */
/** @typedef {import("viewer/rows/outcomes.js").Outcomes} Outcomes */
/** @typedef {import("viewer/state.js").State} State */

/**
 * @typedef {object} Point
 * @property {number} row
 * @property {number[]} at the values of all features
 * @property {number | null} label its true class
 * @property {Float32Array | null} wanted what the output should be
 * @property {number} place among the kept rows; -1 where it is none
 */

/** A shape for each class, so that they differ in more than their colour; of about the same area. */
const SHAPES = ["M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z", "M-3.6 -3.6H3.6V3.6H-3.6Z", "M0 -4.8L4.8 3.6H-4.8Z", "M0 -5.2L5.2 0L0 5.2L-5.2 0Z", "M0 4.8L4.8 -3.6H-4.8Z", "M-1.6 -4.8H1.6V-1.6H4.8V1.6H1.6V4.8H-1.6V1.6H-4.8V-1.6H-1.6Z"];

/**
 * @param {Model} model
 * @param {readonly Feature[]} features
 * @param {Outcomes | null} outcomes of the output
 * @returns {Point[]} the rows whose features are in the page
 */
export function pointsOf(model, features, outcomes) {
  const told = ["classes", "binary"].includes(outcomes?.view.form ?? "");
  return [...model.rows.all.values()].flatMap(({ row, label: known, place }) => {
    const given = valuesOf(model, features, row);
    const at = features.map(({ stage, index }) => given.get(stage)?.data[index] ?? NaN);
    const wanted = outcomes && place !== null ? outcomes.wanted(place).data : null;
    const label = !told ? null : !wanted ? known : wanted.length > 1 ? largest(wanted) : Math.round(wanted[0]);
    return at.every(Number.isFinite) ? [{ row, at, label, wanted, place: place ?? -1 }] : [];
  });
}

/**
 * @param {number} label
 * @param {import("viewer/document.js").OutputView} view
 * @returns {SVGElement} the mark of a class, as on the plane
 */
export function markOf(label, view) {
  return svg("svg", { class: "classmark", viewBox: "-6 -6 12 12", "aria-hidden": "true" }, svg("path", { d: SHAPES[label % SHAPES.length], fill: classColour(label, view) }));
}

/**
 * @param {import("viewer/plane/plane.js").Shared} shared
 * @param {readonly [number, number]} size the width and height that places are told in
 * @returns {{ element: SVGElement, draw: (placed: (point: Point) => [number, number], shown: Shown, colours: Colouring) => void, mark: () => void }}
 *   its second function takes where a point stands
 */
export function rowsOver(shared, [width, height]) {
  const { model, state } = shared;
  const element = svg("svg", { class: "points", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "The rows of this page" });
  rove(element);
  /** @type {Map<number, SVGElement>} */
  const kept = new Map();
  const pathFor = (/** @type {number} */ row) => {
    const path = kept.get(row) ?? svg("path", { role: "button", "data-row": row, onclick: () => state.set("row", row) }, svg("title", {}));
    kept.set(row, path);
    return path;
  };
  const mark = () => {
    const chosen = element.querySelector(`[data-row="${state.now.row}"]`);
    for (const each of element.querySelectorAll("[data-row]")) each.setAttribute("aria-pressed", String(each === chosen));
    tabStop(element, chosen);
  };
  return {
    element,
    mark,
    draw: (placed, shown, colours) => {
      const { outcomes, points } = shared.rowsOf(shown);
      const name = (/** @type {number} */ label) => outcomes?.view.names[label] ?? `class ${label}`;
      const wrong = wrongOnes(outcomes, state);
      const number = outcomes?.view.form === "numbers" && shown.view === outcomes.view ? (shown.unit ?? 0) : null;
      for (const point of points) {
        const [left, top] = placed(point);
        const truth = number !== null && point.wanted ? point.wanted[number] : null;
        const truly = point.label !== null ? `, truly ${name(point.label)}` : truth !== null ? `, true number ${figure(truth)}` : "";
        const tone = point.label !== null ? classColour(point.label, outcomes?.view) : truth !== null && shared.features.length > 1 ? `rgb(${colourOf(truth, colours.scale.most, colours.scale.ramp).join(" ")})` : "";
        const off = wrong.has(point.place);
        const text = `${model.row(point.row).text.replace(/, truly.*/, "")}${truly}${off ? ", predicted wrongly" : ""}`;
        const path = pathFor(point.row);
        path.setAttribute("d", SHAPES[(point.label ?? 0) % SHAPES.length]);
        path.setAttribute("transform", `translate(${left.toFixed(1)} ${top.toFixed(1)})`);
        path.setAttribute("class", off ? "off" : truth !== null ? "number" : "");
        path.setAttribute("style", tone && `fill: ${tone}`);
        path.setAttribute("aria-label", text);
        /** @type {SVGElement} */ (path.firstElementChild).textContent = text;
      }
      // A finer surface has the same points: what is put in again would lose its focus and a mouse that is pressed on it.
      const paths = points.map(({ row }) => pathFor(row));
      if (paths.length !== element.children.length || paths.some((path, at) => path !== element.children[at])) element.replaceChildren(...paths);
      mark();
    },
  };
}

/**
 * @param {Outcomes | null} outcomes
 * @param {State} state
 * @returns {Set<number>} the kept rows that were predicted wrongly, by their places, where there are classes
 */
function wrongOnes(outcomes, state) {
  if (!outcomes || !["classes", "binary"].includes(outcomes.view.form)) return new Set();
  return new Set(outcomes.at(outcomes.nearest(state.now.epoch)).flatMap(({ wrong, place }) => (wrong ? [place] : [])));
}
