// Measures worked from the rows: precision and recall from the cells of the matrix, a threshold to move, residuals.

import { h, svg } from "viewer/dom.js";
import { parts } from "viewer/modes/lesson.js";

/** @typedef {import("viewer/document.js").Cells} Cells */
/** @typedef {import("viewer/document.js").Curve} Curve */
/** @typedef {import("viewer/document.js").Lesson} Lesson */
/** @typedef {import("viewer/document.js").Pairs} Pairs */
/** @typedef {import("viewer/modes/modes.js").Tools} Tools */

const SIDE = 240;
const PAD = 46;

/**
 * @param {Lesson} lesson
 * @param {Tools} tools
 * @returns {HTMLElement[]} the parts, with what can be moved behind the first of them
 */
export function measures(lesson, tools) {
  const [first, ...rest] = parts(lesson.parts, tools);
  return [first, lesson.cells && cells(lesson.cells), lesson.curve && curve(lesson.curve), lesson.pairs && pairs(lesson.pairs), ...rest].filter((each) => each instanceof HTMLElement);
}

/**
 * @param {number} part
 * @param {number} of
 * @returns {string} a quotient as a percentage
 */
function share(part, of) {
  return of ? `${part} / ${of} = ${((100 * part) / of).toFixed(1)} %` : "not defined: no such row";
}

/**
 * @param {number} right
 * @param {number} said
 * @param {number} there
 * @returns {HTMLElement} three measures, worked
 */
function worked(right, said, there) {
  const f1 = said + there ? `2 x ${right} / (${said} + ${there}) = ${((2 * right) / (said + there)).toFixed(3)}` : "not defined";
  return h(
    "dl",
    { class: "worked" },
    ...[
      ["Precision", share(right, said)],
      ["Recall", share(right, there)],
      ["F1", f1],
    ].flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]),
  );
}

/**
 * @param {Cells} view
 * @returns {HTMLElement}
 */
function cells({ names, counts, start, noun }) {
  const said = h("div", { "aria-live": "polite" });
  const choose = h("select", { "aria-label": "Class" }, ...names.map((name, at) => h("option", { value: at, selected: at === start }, name)));
  const boxes = counts.map((line) => line.map((count) => h("td", {}, count ? String(count) : "·")));
  const draw = () => {
    const at = Number(choose.value);
    const right = counts[at][at];
    const [there, predicted] = [counts[at].reduce((sum, each) => sum + each, 0), counts.reduce((sum, line) => sum + line[at], 0)];
    boxes.forEach((line, row) => line.forEach((box, column) => (box.className = row === at && column === at ? "hit" : row === at ? "missed" : column === at ? "extra" : "")));
    said.replaceChildren(
      h("p", {}, `Of ${there} ${noun} that are ${names[at]}, ${right} are found and ${there - right} missed; ${predicted - right} others are taken for ${names[at]}.`),
      worked(right, predicted, there),
    );
  };
  choose.addEventListener("change", draw);
  draw();
  return h(
    "section",
    { class: "part" },
    h("h2", {}, "One class, worked"),
    h("p", {}, h("label", {}, "Class ", choose), ` Its line holds the ${noun} that are of it, its column those predicted to be of it.`),
    said,
    h(
      "div",
      { class: "wide", tabindex: 0, role: "group", "aria-label": "Confusion matrix" },
      h(
        "table",
        { class: "cells" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "true \\ predicted"), ...names.map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, ...boxes.map((line, at) => h("tr", {}, h("th", { scope: "row" }, names[at]), ...line))),
      ),
    ),
  );
}

/**
 * @param {Curve} view
 * @returns {HTMLElement}
 */
function curve({ name, thresholds, counts, start, noun }) {
  const said = h("div", { "aria-live": "polite" });
  const slider = h("input", { type: "range", min: 0, max: thresholds.length - 1, value: start, "aria-label": "Threshold" });
  const at = (/** @type {number} */ recall, /** @type {number} */ precision) => [PAD + recall * SIDE, PAD + (1 - precision) * SIDE];
  const points = counts.flatMap(([right, extra, missed]) => (right + extra && right + missed ? [at(right / (right + missed), right / (right + extra))] : []));
  const dot = svg("circle", { r: 6, class: "dot" });
  const draw = () => {
    const [right, extra, missed, none] = counts[Number(slider.value)];
    slider.setAttribute("aria-valuetext", `above ${thresholds[Number(slider.value)].toFixed(2)}`);
    const [x, y] = at(right + missed ? right / (right + missed) : 0, right + extra ? right / (right + extra) : 1);
    dot.setAttribute("cx", String(x));
    dot.setAttribute("cy", String(y));
    said.replaceChildren(
      h("p", {}, `Above ${thresholds[Number(slider.value)].toFixed(2)} the answer is yes: of ${right + extra + missed + none} ${noun}, ${right} found, ${missed} missed, ${extra} false alarms, ${none} rightly left.`),
      worked(right, right + extra, right + missed),
    );
  };
  slider.addEventListener("input", draw);
  draw();
  return h(
    "section",
    { class: "part" },
    h("h2", {}, `Move the threshold${name ? ` of ${name}` : ""}`),
    h("p", {}, slider),
    said,
    h(
      "figure",
      { class: "chart" },
      h("figcaption", {}, "Precision over recall, for every threshold"),
      svg(
        "svg",
        { viewBox: `0 0 ${SIDE + 2 * PAD} ${SIDE + 2 * PAD}`, role: "img", "aria-label": "Precision over recall", class: "graphed" },
        ...axes("recall", "precision", ["0", "1"], ["0", "1"]),
        svg("polyline", { points: points.map((each) => each.join(",")).join(" "), class: "line" }),
        dot,
      ),
    ),
  );
}

/**
 * @param {string} across
 * @param {string} up
 * @param {string[]} low the texts at both ends of the lower axis
 * @param {string[]} side those of the other one
 * @returns {SVGElement[]}
 */
function axes(across, up, low, side) {
  const text = (/** @type {number} */ x, /** @type {number} */ y, /** @type {string} */ words, anchor = "middle") => svg("text", { x, y, "text-anchor": anchor }, words);
  return [
    svg("rect", { x: PAD, y: PAD, width: SIDE, height: SIDE, class: "frame" }),
    text(PAD, PAD + SIDE + 14, low[0]),
    text(PAD + SIDE, PAD + SIDE + 14, low[1]),
    text(PAD + SIDE / 2, PAD + SIDE + 26, across),
    text(PAD - 4, PAD + SIDE, side[0], "end"),
    text(PAD - 4, PAD + 8, side[1], "end"),
    text(PAD, PAD - 8, up, "start"),
  ];
}

/**
 * @param {Pairs} view
 * @returns {HTMLElement}
 */
function pairs({ name, pairs: all }) {
  const values = all.flat();
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const span = high - low || 1;
  const place = (/** @type {number} */ value) => ((value - low) / span) * SIDE;
  const ends = [low, high].map((each) => String(Number(each.toPrecision(3))));
  return h(
    "section",
    { class: "part" },
    h("h2", {}, `Predicted and true: ${name}`),
    h("p", {}, "Each dot is a row; on the line the prediction is exact. How far a dot is above or below the line is its residual."),
    h(
      "figure",
      { class: "chart" },
      svg(
        "svg",
        { viewBox: `0 0 ${SIDE + 2 * PAD} ${SIDE + 2 * PAD}`, role: "img", "aria-label": `Predicted over true values of ${name}`, class: "graphed" },
        ...axes("true", "predicted", ends, ends),
        svg("line", { x1: PAD, y1: PAD + SIDE, x2: PAD + SIDE, y2: PAD, class: "exact" }),
        ...all.map(([wanted, given]) => svg("circle", { cx: PAD + place(wanted), cy: PAD + SIDE - place(given), r: 2.5, class: "row" })),
      ),
    ),
  );
}
