// What each step of an attention layer looks at: the scores of a head as an image, and one line of it as numbers.

import { h } from "viewer/dom.js";
import { legend, Picture } from "viewer/draw/picture.js";
import { placeIn } from "viewer/explore/place.js";
import { rove } from "viewer/explore/rove.js";
import { figure, fixed, percent } from "viewer/figures.js";
import { scoresOf } from "viewer/model/attention.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */

const WIDTH = 320;
const MOST_LINES = 24;

/**
 * @param {Context} context
 * @returns {{ element: HTMLElement, draw: (place: readonly number[]) => void } | null} null for another layer
 */
export function attention({ model, state, stage }) {
  const found = () => {
    const received = model.inputs(state.at, stage);
    return received && scoresOf(stage, received.inputs, model.weightsOf(state.at, stage.name), received.masks);
  };
  const first = found();
  if (!first) return null;
  const [heads, targets, sources] = first.scores.shape;
  const chosen = () => Math.min(state.now.head, heads - 1);
  const move = (/** @type {number} */ row) => {
    const here = placeIn(model, state, stage);
    state.set("place", [row, ...here.slice(1)]);
  };
  const tall = Math.min(1, (2 * targets) / sources);
  const picture = new Picture({ rows: targets, columns: sources, width: WIDTH * tall, label: "Attention scores: a line for each step, across what it looks at", move });
  const buttons = Array.from({ length: heads }, (_, head) =>
    h("button", { type: "button", class: "plain", onclick: () => state.set("head", head) }, `head ${head}`),
  );
  const chooser = h("div", { class: "heads", role: "group", "aria-label": "Heads" }, ...buttons);
  rove(chooser);
  const text = h("p", {});
  const scale = legend();
  const table = h("div", {});
  const element = h(
    "div",
    { class: "attention" },
    h("h4", { class: "above" }, "What each step looks at", h("small", {}, "A line is a step; its cells, one for each step it can look at, add up to 1.")),
    heads > 1 && chooser,
    h("div", { class: "pictures" }, h("div", {}, picture.element, scale.element), h("div", {}, text, table)),
  );
  return {
    element,
    draw: ([step]) => {
      const now = found();
      if (!now) return;
      const head = chosen();
      const start = head * targets * sources;
      picture.paint({ values: now.scores.data.subarray(start, start + targets * sources), most: 1, ramp: "activation" });
      scale.draw({ most: 1, ramp: "activation" });
      picture.mark([{ row: step, column: 0, rows: 1, columns: sources }]);
      buttons.forEach((button, at) => {
        button.setAttribute("aria-pressed", String(at === head));
        button.tabIndex = at === head ? 0 : -1;
      });
      const line = start + step * sources;
      const scores = now.scores.data.subarray(line, line + sources);
      const order = Array.from(scores.keys()).sort((one, other) => scores[other] - scores[one]);
      const most = `Step ${step} looks most at step ${order[0]}: ${percent(scores[order[0]])}.`;
      text.textContent = `${heads > 1 ? `Head ${head}. ` : ""}${most}`;
      picture.say(most);
      const shown = order.slice(0, MOST_LINES).sort((one, other) => one - other);
      table.replaceChildren(lines(shown, now.raw.data.subarray(line, line + sources), scores, now.scale, order.length));
    },
  };
}

/**
 * @param {number[]} steps
 * @param {Float32Array} raw before the softmax
 * @param {Float32Array} scores
 * @param {number} scale
 * @param {number} all
 * @returns {HTMLElement}
 */
function lines(steps, raw, scores, scale, all) {
  const product = scale === 1 ? "query · key" : `query · key × ${figure(scale)}`;
  return h(
    "div",
    {},
    h(
      "table",
      { class: "vector" },
      h("thead", {}, h("tr", {}, ...["step", product, "softmax"].map((name) => h("th", { scope: "col" }, name)), h("td"))),
      h(
        "tbody",
        {},
        ...steps.map((step) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, String(step)),
            h("td", {}, raw[step] < -1e8 ? "hidden" : fixed(raw[step], 3)),
            h("td", {}, percent(scores[step])),
            h("td", { class: "long" }, h("span", { class: "track" }, h("i", { class: "plus", style: `width: ${100 * scores[step]}%` }))),
          ),
        ),
      ),
    ),
    all > steps.length && h("p", { class: "muted" }, `The ${steps.length} largest of ${all}.`),
  );
}
