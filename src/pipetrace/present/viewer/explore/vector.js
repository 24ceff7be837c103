// A short list of values: a line for each with its name and a bar. For a softmax, from the scores to the probabilities.

import { h } from "viewer/dom.js";
import { rangesOf, scaleOver } from "viewer/draw/scales.js";
import { areTokens, nameIn } from "viewer/explore/place.js";
import { brief, counted, figure, fixed, percent } from "viewer/figures.js";
import { softmaxAxis } from "viewer/model/activation.js";
import { LAYERS } from "viewer/model/layers.js";
import { largest, thatMatter } from "viewer/rows/outcomes.js";
import { explained } from "viewer/words.js";
import { isTable } from "viewer/rows/thumbnail.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/model.js").Model} Model */

export const MOST_LINES = 40;

/**
 * @param {Context} context
 * @param {Layer} shown a stage with a vector as its output
 * @param {boolean} chooses whether a line can be chosen
 * @returns {{ element: HTMLElement, draw: (place: readonly number[]) => void }}
 */
export function vector({ model, state, view }, shown, chooses) {
  const body = h("tbody");
  const tokens = areTokens(model, shown);
  const ranges = isTable(model, shown) ? rangesOf(model, shown.name) : null;
  const softmax = softmaxAxis(shown, 1) === 0;
  const choose = (/** @type {number} */ at) => state.set("place", [at]);
  const heads = softmax ? ["", "logit", "e to the logit", "probability", ""] : ranges ? ["", "value", "smallest", "", "largest"] : ["", tokens ? "number" : "value", tokens && shown.words.length ? "word" : ""];
  const title = view.stages.find((stage) => stage.name === shown.name)?.title ?? shown.name;
  const table = h(
    "table",
    { class: "vector", "aria-label": title },
    h("thead", {}, h("tr", {}, ...heads.map((text) => (text ? h("th", { scope: "col" }, ...explained(text)) : h("td"))))),
    body,
  );
  return {
    element: h("div", {}, h("div", { class: "cap" }, h("b", {}, title), `${model.row(state.now.row).text}${ranges ? ", among the rows of this page" : ""}`), table),
    draw: (place) => {
      const values = model.output(state.at, shown.name);
      if (!values) return;
      const logits = softmax ? logitsOf(model, state.at, shown) : null;
      const { most } = softmax ? { most: 1 } : scaleOver(model, state, shown, ({ data }) => data, "all");
      const best = largest(values.data);
      const label = model.row(state.now.row).label;
      const focused = body.contains(document.activeElement);
      const listed = softmax ? thatMatter(values.data, label, chooses ? place[0] : null) : Array.from(values.data, (_, at) => at);
      const rest = values.data.length - listed.length;
      const other = rest ? listed.reduce((sum, at) => sum - values.data[at], 1) : 0;
      body.replaceChildren(
        ...listed.map((at) => {
          const value = values.data[at];
          const name = nameIn(model, shown, at);
          const said = softmax && at === label ? `${name} (true)` : name;
          const head = chooses ? h("button", { type: "button", class: "bare", "aria-pressed": String(at === place[0]), onclick: () => choose(at) }, said) : said;
          const logit = logits?.[at];
          return h(
            "tr",
            { class: at === place[0] ? "chosen" : null, onclick: chooses ? () => choose(at) : null },
            h("th", { scope: "row" }, head),
            logit !== undefined && h("td", {}, fixed(logit, 3)),
            logit !== undefined && h("td", {}, figure(Math.exp(logit))),
            softmax && logit === undefined && h("td"),
            softmax && logit === undefined && h("td"),
            h("td", {}, softmax ? percent(value) : tokens ? brief(value) : figure(value, 4)),
            ...(tokens ? [h("td", { class: "token" }, value === 0 && !shown.words[0] ? "padding" : (shown.words[value] ?? ""))] : ranges ? within(value, ranges[at]) : values.data.length > 1 ? [h("td", { class: "long" }, line(value, most, softmax && at === best))] : []),
          );
        }),
        ...(rest ? [h("tr", {}, h("th", { scope: "row" }, `the other ${counted(rest)}`), h("td"), h("td"), h("td", {}, percent(Math.max(0, other))), h("td"))] : []),
      );
      if (focused) /** @type {HTMLElement | null} */ (body.querySelector("[aria-pressed=true]"))?.focus();
    },
  };
}

/**
 * Where a value lies among those of the same feature: features of a table differ in their units.
 *
 * @param {number} value
 * @param {import("viewer/draw/scales.js").Range} range
 * @returns {HTMLElement[]}
 */
function within(value, { low, high }) {
  const share = Math.min(100, Math.max(0, (100 * (value - low)) / (high - low || 1)));
  return [h("td", {}, brief(low)), h("td", { class: "long" }, h("span", { class: "track between" }, h("i", { style: `left: ${share}%` }))), h("td", {}, brief(high))];
}

/**
 * @param {number} value
 * @param {number} most
 * @param {boolean} marked
 * @returns {HTMLElement}
 */
function line(value, most, marked) {
  const share = (100 * Math.abs(value)) / most;
  const kind = value < 0 ? "minus" : marked ? "marked" : "plus";
  return h("span", { class: "track" }, h("i", { class: kind, style: `width: ${Math.min(100, share)}%` }));
}

/**
 * @param {Model} model
 * @param {import("viewer/model/model.js").At} at
 * @param {Layer} stage one that ends with a softmax
 * @returns {number[] | null} what the softmax makes the probabilities of
 */
function logitsOf(model, at, stage) {
  const received = model.inputs(at, stage);
  const family = LAYERS.get(stage.layer);
  if (!received || !family) return null;
  if (stage.layer === "Softmax" || stage.layer === "Activation") return [...received.inputs[0].data];
  const linear = { ...stage, config: { ...stage.config, activation: "linear" } };
  const outputs = family.compute(linear, received.inputs, model.weightsOf(at, stage.name), received.masks);
  return outputs && [...[outputs].flat()[0].data];
}
