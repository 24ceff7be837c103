// Measures worked from the rows: precision and recall from the cells of the matrix, a threshold to move, residuals.

import { h, svg } from "viewer/dom.js";
import { parts } from "viewer/modes/lesson.js";
import { crossed } from "viewer/rows/matrix.js";
import { againstTrue } from "viewer/rows/scatter.js";

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
      { class: "wide cells", tabindex: 0, role: "group", "aria-label": "Confusion matrix" },
      crossed(names, boxes),
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
  const text = (/** @type {number} */ x, /** @type {number} */ y, /** @type {string} */ words, anchor = "middle") => svg("text", { x, y, "text-anchor": anchor }, words);
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
        svg("rect", { x: PAD, y: PAD, width: SIDE, height: SIDE, class: "frame" }),
        text(PAD, PAD + SIDE + 14, "0"),
        text(PAD + SIDE, PAD + SIDE + 14, "1"),
        text(PAD + SIDE / 2, PAD + SIDE + 26, "recall"),
        text(PAD - 4, PAD + SIDE, "0", "end"),
        text(PAD - 4, PAD + 8, "1", "end"),
        text(PAD, PAD - 8, "precision", "start"),
        svg("polyline", { points: points.map((each) => each.join(",")).join(" "), class: "line" }),
        dot,
      ),
    ),
  );
}

/**
 * @param {Pairs} view
 * @returns {HTMLElement}
 */
function pairs({ name, pairs: all }) {
  const points = all.map(([x, y]) => ({ x, y }));
  return h(
    "section",
    { class: "part" },
    h("h2", {}, `Predicted and true: ${name}`),
    h("p", {}, "Each dot is a row; on the line the prediction is exact. How far a dot is above or below the line is its residual."),
    h(
      "figure",
      { class: "chart scatter" },
      againstTrue(points, { role: "img", "aria-label": `Predicted against true values of ${name}` }, () => ({ class: "still" })),
    ),
  );
}
