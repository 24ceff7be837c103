// The data flow: the stages on a thread, each with its words and with the example row as it leaves it.

import { bars, columns, histogram } from "viewer/chart.js";
import { h } from "viewer/dom.js";
import { picture } from "viewer/picture.js";

/** @typedef {import("viewer/document.js").Document} Document */
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
    h("ol", { class: "thread" }, ...view.stages.map((stage) => item(stage, ramps))),
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
    h("span", { class: "knot", "aria-hidden": "true" }, String(stage.number)),
    h(
      "div",
      { class: "stage" },
      h(
        "div",
        { class: "words" },
        h("h3", {}, stage.title, h("small", {}, stage.name)),
        shape(stage),
        h("p", {}, stage.does, stage.shape ? ` ${stage.shape}` : ""),
        facts(stage),
        stage.measured.length > 0 && h("p", { class: "measured" }, stage.measured.join(" ")),
      ),
      h(
        "div",
        { class: "seen" },
        stage.picture && picture(stage.picture, ramps),
        stage.bars.length > 0 && bars(stage.bars, "The ten scores of the example"),
      ),
      more(stage, weights),
    ),
  );
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
