// A single feature: what the model gives along it, as a curve, with the rows where they are and what they should be.

import { h, svg } from "viewer/dom.js";
import { figure } from "viewer/figures.js";
import { OWN } from "viewer/model/rows.js";
import { rowsOver } from "viewer/plane/points.js";
import { classColour, onScale } from "viewer/plane/shown.js";

/** @typedef {import("viewer/plane/plane.js").Board} Board */
/** @typedef {import("viewer/plane/plane.js").Shared} Shared */
/** @typedef {import("viewer/plane/points.js").Point} Point */
/** @typedef {import("viewer/plane/shown.js").Shown} Shown */
/** @typedef {import("viewer/plane/surface.js").Surface} Surface */

const [WIDTH, HEIGHT] = [520, 360];
const FAR = 5;
const HINT = "Point at the curve to read it; click to make a row of your own there.";

/**
 * @param {ArrayLike<number>} values
 * @param {readonly [number, number]} size
 * @param {readonly [number, number]} ends of the axis up
 * @returns {string} a line through them, from one side to the other
 */
export function pathOf(values, [width, height], [low, high]) {
  let path = "";
  for (let at = 0; at < values.length; at++) {
    if (!Number.isFinite(values[at])) continue;
    const y = height * (1 - (values[at] - low) / (high - low || 1));
    path += `${path ? "L" : "M"}${((width * (at + 0.5)) / values.length).toFixed(1)} ${y.toFixed(1)}`;
  }
  return path;
}

/**
 * @param {Shared} shared
 * @returns {Board}
 */
export function curve(shared) {
  const { model, state, features } = shared;
  const reading = h("p", { class: "caption", role: "status" }, HINT);
  const rows = rowsOver(shared, [WIDTH, HEIGHT]);
  const lines = svg("g", {});
  const cursor = svg("line", { class: "cursorline", y1: 0, y2: HEIGHT });
  const here = svg("line", { class: "hereline", y1: 0, y2: HEIGHT });
  const drawing = svg("svg", { class: "curve", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, "aria-hidden": "true" }, cursor, here, lines);
  const field = h("div", { class: "curvefield", tabindex: 0, role: "application", "aria-roledescription": "curve; arrow keys move along it" }, drawing);
  const [left, right, bottom, top] = ["left", "right", "bottom", "top"].map((side) => h("span", { class: `end ${side}` }));
  const [across, up] = [h("span", { class: "axisname across" }), h("span", { class: "axisname up" })];
  /** @type {{ surface: Surface, shown: Shown, text: (values: ArrayLike<number>) => string } | null} */
  let now = null;
  let column = 0;
  const read = (/** @type {number} */ next) => {
    if (!now) return;
    const { surface, shown, text } = now;
    column = Math.min(surface.columns - 1, Math.max(0, next));
    const x = (WIDTH * (column + 0.5)) / surface.columns;
    cursor.setAttribute("x1", String(x));
    cursor.setAttribute("x2", String(x));
    reading.textContent = `${surface.axes[0].name} ${figure(surface.centre(0, column)[0])}: ${text(surface.at(shown.stage.name, column))}`;
  };
  const make = () => {
    if (now) shared.make(now.surface.centre(0, column));
  };
  const under = (/** @type {PointerEvent} */ event) => {
    const box = field.getBoundingClientRect();
    read(Math.floor(((event.clientX - box.left) / box.width) * (now?.surface.columns ?? 1)));
  };
  field.addEventListener("pointermove", under);
  field.addEventListener("pointerdown", under);
  field.addEventListener("pointerleave", () => (reading.textContent = HINT));
  field.addEventListener("click", make);
  field.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || (!step && event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    if (step) read(column + step * (event.shiftKey ? FAR : 1));
    else make();
  });
  const at = (/** @type {number} */ value) => (WIDTH * (value - features[0].low)) / (features[0].high - features[0].low);
  const mark = () => {
    rows.mark();
    const [{ stage, index }] = features;
    const own = model.recorded(state.at, stage)?.data[index] ?? NaN;
    here.toggleAttribute("hidden", !Number.isFinite(own));
    for (const end of ["x1", "x2"]) here.setAttribute(end, String(at(own) || 0));
    here.classList.toggle("own", state.now.row === OWN);
  };
  return {
    element: h("div", {}, h("div", { class: "planewhole" }, up, top, bottom, h("div", { class: "planeframe wide" }, field, rows.element), left, across, right), h("div", { class: "planefoot" }, reading)),
    mark,
    draw: (surface, shown, colours) => {
      now = { surface, shown, text: colours.text };
      const { outcomes, points } = shared.rowsOf(shown);
      const output = shown.view !== null && shown.view === outcomes?.view;
      const several = shown.unit === null ? Array.from({ length: shown.stage.outputs[0].shape[0] }, (_, unit) => ({ ...shown, unit })) : [shown];
      const drawn = several.map((each) => onScale(each, surface, colours).map((value) => value + colours.paper));
      const form = output ? outcomes?.view.form : "";
      const target = (/** @type {Point} */ { wanted, label }) => (form === "numbers" && wanted ? wanted[shown.unit ?? 0] : form === "binary" ? label : null);
      const all = [...drawn.flatMap((values) => [...values]), ...points.flatMap((point) => target(point) ?? [])].filter(Number.isFinite);
      const chances = shown.view !== null && ["probabilities", "logits"].includes(shown.view.scale) && (shown.view.scale === "probabilities" || form === "binary");
      const [low, high] = chances ? [0, 1] : all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
      const beyond = chances ? 0.04 : 0.06 * (high - low || 1);
      const ends = /** @type {[number, number]} */ ([low - beyond, high + beyond]);
      lines.replaceChildren(...several.map((_, unit) => svg("path", { d: pathOf(drawn[unit], [WIDTH, HEIGHT], ends), style: several.length > 1 ? `stroke: ${classColour(unit, shown.view)}` : null })));
      field.setAttribute("aria-label", `${features[0].name} across`);
      [left.textContent, right.textContent] = [figure(features[0].low), figure(features[0].high)];
      [bottom.textContent, top.textContent] = ends.map((end) => figure(end));
      [across.textContent, up.textContent] = [features[0].name, shown.unit === null ? "probability" : shown.stage.name];
      // Rows without a number to be at stand at the foot.
      const y = (/** @type {Point} */ point) => HEIGHT * (1 - ((target(point) ?? ends[0]) - ends[0]) / (ends[1] - ends[0]));
      rows.draw((point) => [at(point.at[0]), Math.min(HEIGHT - 6, y(point))], shown, colours);
      mark();
    },
  };
}
