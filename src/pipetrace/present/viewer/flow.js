// The data flow: the stages on a thread, each with its words and with the example row as it leaves it.

import { bars, columns, histogram } from "viewer/chart.js";
import { h } from "viewer/dom.js";
import { marks } from "viewer/findings.js";
import { graph } from "viewer/graph.js";
import { picture } from "viewer/picture.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").Change} Change */
/** @typedef {import("viewer/document.js").FoldView} FoldView */
/** @typedef {import("viewer/document.js").Picture} Picture */
/** @typedef {import("viewer/document.js").StageView} StageView */
/** @typedef {import("viewer/picture.js").Ramps} Ramps */

/**
 * @param {Document} view
 * @param {Ramps} ramps
 * @returns {HTMLElement}
 */
export function flow(view, ramps) {
  return h(
    "section",
    { "aria-labelledby": "flow" },
    h("h2", { id: "flow" }, `Data flow`, h("small", {}, `${view.stages.length} stages`)),
    h("p", { class: "muted" }, view.counting),
    graph(view.graph),
    h("ol", { class: "thread" }, ...entries(view, ramps, 0, view.stages.length, view.folds)),
  );
}

/**
 * The stages from one position to another, those of a fold within it.
 *
 * @param {Document} view
 * @param {Ramps} ramps
 * @param {number} first
 * @param {number} end the position after the last one
 * @param {FoldView[]} folds those within, outer ones first
 * @returns {HTMLElement[]}
 */
function entries(view, ramps, first, end, folds) {
  const found = [];
  for (let at = first; at < end; ) {
    const fold = folds.find((each) => each.first === at);
    const stage = view.stages[at];
    if (fold) {
      const within = folds.filter((each) => each !== fold && each.first >= fold.first && each.last <= fold.last);
      found.push(folded(view, fold, entries(view, ramps, fold.first, fold.last + 1, within)));
      at = fold.last + 1;
    } else {
      if (stage) found.push(item(stage, ramps));
      at += 1;
    }
  }
  return found;
}

/**
 * Stages that are shown as one, to be opened.
 *
 * @param {Document} view
 * @param {FoldView} fold
 * @param {HTMLElement[]} inside
 * @returns {HTMLElement}
 */
function folded(view, fold, inside) {
  const numbers = [fold.first, fold.last].map((at) => view.stages[at]?.number).join("–");
  return h(
    "li",
    { class: "group" },
    h("span", { class: "knot square", "aria-hidden": "true" }),
    h(
      "details",
      { class: "fold", id: fold.id, open: fold.open },
      h(
        "summary",
        {},
        h("h3", {}, fold.title, h("small", {}, `stages ${numbers}`)),
        h("span", { class: "shape" }, fold.shapes),
        h("span", { class: "told" }, fold.text),
      ),
      h("ol", { class: "thread" }, ...inside),
    ),
    ...marks(fold.findings),
  );
}

/**
 * @param {StageView} stage
 * @param {Ramps} ramps
 * @returns {HTMLElement}
 */
function item(stage, ramps) {
  const weights = stage.weights && picture(stage.weights, ramps);
  return h(
    "li",
    { id: stage.id, tabindex: -1 },
    h("span", { class: `knot${stage.number > 99 ? " long" : ""}`, "aria-hidden": "true" }, String(stage.number)),
    h(
      "div",
      { class: "stage" },
      h(
        "div",
        { class: "words" },
        h("h3", {}, stage.title, h("small", {}, stage.name)),
        shape(stage),
        ...marks(stage.findings),
        stage.wiring.length > 0 && h("p", { class: "wiring" }, stage.wiring.join(" ")),
        h("p", {}, stage.does, stage.shape ? ` ${stage.shape}` : ""),
        facts(stage),
        stage.measured.length > 0 && h("p", { class: "measured" }, stage.measured.join(" ")),
      ),
      h(
        "div",
        { class: "seen" },
        !stage.change?.training && stage.picture && picture(stage.picture, ramps),
        stage.bars.length > 0 && bars(stage.bars, stage.bars_label),
        ...stage.others.map((each) => captioned(each.label, each, ramps)),
        stage.left_out && h("p", { class: "muted" }, stage.left_out),
      ),
      change(stage.change, ramps),
      more(stage, weights),
    ),
  );
}

/**
 * What the stage does differently while it trains: a sentence, and both pictures side by side.
 *
 * @param {Change | null} view
 * @param {Ramps} ramps
 * @returns {HTMLElement | null}
 */
function change(view, ramps) {
  if (!view) return null;
  return h(
    "div",
    { class: "change" },
    h("p", {}, view.text),
    view.prediction &&
      view.training &&
      h("div", { class: "both" }, captioned("in prediction", view.prediction, ramps), captioned("in training", view.training, ramps)),
  );
}

/**
 * @param {string} caption
 * @param {Picture} view
 * @param {Ramps} ramps
 * @returns {HTMLElement}
 */
function captioned(caption, view, ramps) {
  return h("div", { class: "captioned" }, h("p", { class: "caption" }, caption), picture(view, ramps));
}

/**
 * @param {StageView} stage
 * @returns {HTMLElement}
 */
function shape(stage) {
  if (stage.input === stage.output) return h("p", { class: "shape" }, stage.output);
  return h("p", { class: "shape" }, h("span", {}, stage.input), " → ", h("strong", {}, stage.output));
}

/**
 * @param {StageView} stage
 * @returns {HTMLElement | null}
 */
function facts(stage) {
  /** @type {[string, string][]} */
  const rows = [];
  if (stage.example) rows.push(["Example", stage.example]);
  if (stage.written) rows.push(["Texts", stage.written]);
  if (stage.mask) rows.push(["Mask", stage.mask]);
  if (stage.parameters) rows.push(["Parameters", stage.parts ? `${stage.parameters}: ${stage.parts}` : stage.parameters]);
  if (stage.arithmetic) rows.push(["Arithmetic", stage.arithmetic]);
  if (!rows.length) return null;
  return h("dl", { class: "facts" }, ...rows.flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]));
}

/**
 * What is folded away: the distribution of all rows, the filters' activity and the kernels.
 *
 * @param {StageView} stage
 * @param {HTMLElement | null} weights
 * @returns {HTMLElement | null}
 */
function more(stage, weights) {
  if (!stage.distribution && !weights && !stage.channels.length) return null;
  const names = [
    stage.distribution && "distribution",
    stage.channels.length && "activity of each filter",
    weights && "kernels",
  ].filter(Boolean);
  return h(
    "details",
    { class: "more" },
    h("summary", {}, `All rows: ${names.join(", ")}`),
    h(
      "div",
      { class: "measurements" },
      stage.distribution && histogram(stage.distribution),
      stage.channels.length > 0 &&
        columns(stage.channels, "How much of each filter's output is above 0, filter 0 at the left; red: none at all."),
      weights && stage.weights && h("div", { class: "kernels" }, h("h4", {}, stage.weights.label), weights),
    ),
  );
}
