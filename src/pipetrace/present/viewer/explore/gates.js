// A recurrent layer step by step: what each gate let through, for one unit.

import { colourOf, inkOn } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { fixed } from "viewer/figures.js";
import { LAYERS } from "viewer/model/layers.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */
/** @typedef {import("viewer/model/recurrent.js").Step} Step */

const MOST_STEPS = 40;

/** @type {Record<string, string>} */
const FORMULAS = {
  LSTM: "cell = forget × cell before + input × candidate; state = output × tanh(cell)",
  GRU: "state = update × state before + (1 − update) × candidate",
  SimpleRNN: "state = tanh(input × kernel + state before × recurrent kernel + bias)",
};

/**
 * The table of the steps for the unit at a place, or null for another layer.
 *
 * @param {Context} context
 * @param {readonly number[]} place
 * @returns {HTMLElement | null}
 */
export function gates({ model, state, stage }, place) {
  const received = model.inputs(state.at, stage);
  const weights = model.weightsOf(state.at, stage.name);
  const last = place[place.length - 1];
  const found = received && LAYERS.get(stage.layer)?.steps?.(stage, received.inputs, weights, received.masks, last);
  if (!found?.steps.length) return null;
  const { steps, unit, layer } = found;
  const names = Object.keys(steps[0].gates).filter((name) => name !== "state");
  const chosen = place.length > 1 ? steps.findIndex((step) => step.time === place[0]) : steps.length - 1;
  const first = Math.max(0, Math.min(chosen - MOST_STEPS + 5, steps.length - MOST_STEPS));
  const shown = steps.slice(first, first + MOST_STEPS);
  const cell = (/** @type {number} */ value) => {
    const colour = colourOf(value, 1, "signed");
    return h("td", { style: `background: rgb(${colour.join(" ")}); color: ${inkOn(colour)}` }, fixed(value, 3));
  };
  const left = steps.length - shown.length;
  return h(
    "div",
    { class: "gates" },
    h("p", {}, `Unit ${unit}, step by step: ${FORMULAS[layer] ?? ""}.`),
    h(
      "table",
      { class: "gatetable" },
      h("thead", {}, h("tr", {}, ...["step", ...names, "state"].map((name) => h("th", { scope: "col" }, name)))),
      h(
        "tbody",
        {},
        ...shown.map((step, at) =>
          h(
            "tr",
            { class: first + at === chosen ? "chosen" : null },
            h("th", { scope: "row" }, step.hidden ? `${step.time} (hidden)` : String(step.time)),
            ...names.map((name) => cell(step.gates[name][unit])),
            cell(step.state[unit]),
          ),
        ),
      ),
    ),
    left > 0 && h("p", { class: "muted" }, `${left} more steps are not shown.`),
  );
}
