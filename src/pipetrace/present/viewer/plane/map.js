// The plane of two features as a map: the colour of each cell is what the model gives there; the rows stand on it.

import { h } from "viewer/dom.js";
import { legend, Picture } from "viewer/draw/picture.js";
import { figure } from "viewer/figures.js";
import { OWN } from "viewer/model/rows.js";
import { rowsOver } from "viewer/plane/points.js";
import { inColours, onScale } from "viewer/plane/shown.js";

/** @typedef {import("viewer/plane/plane.js").Board} Board */
/** @typedef {import("viewer/plane/plane.js").Shared} Shared */
/** @typedef {import("viewer/plane/points.js").Point} Point */
/** @typedef {import("viewer/plane/shown.js").Colouring} Colouring */
/** @typedef {import("viewer/plane/shown.js").Shown} Shown */
/** @typedef {import("viewer/plane/surface.js").Surface} Surface */

const SIZE = 400;
const HINT = "Point at a place to read it; click to make a row of your own there.";

/**
 * @param {Shared} shared
 * @returns {Board}
 */
export function map(shared) {
  const { model, state, features } = shared;
  const reading = h("p", { class: "caption", role: "status" }, HINT);
  const rows = rowsOver(shared, [SIZE, SIZE]);
  const here = h("span", { class: "herepoint", hidden: true });
  const frame = h("div", { class: "planeframe" });
  const scale = legend();
  const [left, right, bottom, top] = ["left", "right", "bottom", "top"].map((side) => h("span", { class: `end ${side}` }));
  const [across, up] = [h("span", { class: "axisname across" }), h("span", { class: "axisname up" })];
  /** @type {{ surface: Surface, shown: Shown, colours: Colouring } | null} */
  let now = null;
  let picture = /** @type {Picture | null} */ (null);
  const read = (/** @type {number} */ row, /** @type {number} */ column) => {
    if (!now || !picture) return;
    const { surface, shown, colours } = now;
    const at = surface.centre(row, column);
    picture.mark([{ row, column, kind: "thin" }]);
    const text = `${surface.axes.map(({ name }, axis) => `${name} ${figure(at[axis])}`).join(", ")}: ${colours.text(surface.at(shown.stage.name, row * surface.columns + column))}`;
    reading.textContent = text;
    picture.say(text);
  };
  const make = () => {
    if (now && picture) shared.make(now.surface.centre(picture.row, picture.column));
  };
  const place = (/** @type {Surface} */ { axes: [x, y] }) => {
    const share = (/** @type {{ low: number, high: number }} */ { low, high }, /** @type {number} */ value) => (value - low) / (high - low);
    const [one, other] = [features.indexOf(x), features.indexOf(y)];
    return (/** @type {readonly number[]} */ at) => /** @type {[number, number]} */ ([SIZE * share(x, at[one]), SIZE * (1 - share(y, at[other]))]);
  };
  const mark = () => {
    rows.mark();
    const own = now && state.now.row === OWN ? features.map(({ stage, index }) => model.recorded(state.at, stage)?.data[index] ?? NaN) : null;
    here.hidden = !own;
    if (!own || !now) return;
    const [x, y] = place(now.surface)(own);
    Object.assign(here.style, { left: `${(100 * x) / SIZE}%`, top: `${(100 * y) / SIZE}%` });
  };
  return {
    element: h("div", {}, h("div", { class: "planewhole" }, up, top, bottom, frame, left, across, right), h("div", { class: "planefoot" }, scale.element, reading)),
    mark,
    draw: (surface, shown, colours) => {
      now = { surface, shown, colours };
      if (!picture) {
        picture = new Picture({ rows: surface.rows, columns: surface.columns, width: SIZE, label: "The plane of two features", move: read });
        [picture.row, picture.column] = [surface.rows >> 1, surface.columns >> 1];
        picture.element.addEventListener("click", make);
        picture.element.addEventListener("keydown", (event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          make();
        });
        picture.element.addEventListener("pointerleave", () => {
          picture?.mark([]);
          reading.textContent = HINT;
        });
        frame.append(picture.element, rows.element, here);
      }
      const [x, y] = surface.axes;
      left.textContent = figure(x.low);
      right.textContent = figure(x.high);
      bottom.textContent = figure(y.low);
      top.textContent = figure(y.high);
      [across.textContent, up.textContent] = [x.name, y.name];
      picture.element.setAttribute("aria-label", `${x.name} across, ${y.name} up`);
      if (shown.unit === null) picture.paint({ values: inColours(shown, surface), most: 255, ramp: "ink", colours: true });
      else picture.paint({ values: onScale(shown, surface, colours), ...colours.scale });
      scale.element.hidden = shown.unit === null;
      scale.draw(colours.scale, colours.ends);
      const at = place(surface);
      rows.draw((point) => at(point.at), shown, colours);
      mark();
    },
  };
}
