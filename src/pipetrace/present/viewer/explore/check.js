// What the page computes, compared with what was recorded. A difference is shown, never hidden.

import { h } from "viewer/dom.js";
import { fixed } from "viewer/figures.js";
import { OWN } from "viewer/model/rows.js";
import { COMPUTING } from "viewer/words.js";

/** @typedef {import("viewer/explore/explorer.js").Context} Context */

/**
 * The recorded value beside the computed one.
 *
 * @param {Context} context
 * @param {readonly number[]} place
 * @returns {HTMLElement}
 */
export function check({ model, state, stage }, place) {
  const found = model.compared(state.at, stage, place);
  if (!found && model.isWaiting(state.at, stage.name)) return h("p", { class: "check" }, COMPUTING);
  if (!found) return h("p", { class: "check" }, "Not computed here: shown as recorded.");
  const { computed, recorded, agrees } = found;
  const why = model.isEdited(state.now.epoch) ? "nothing is recorded of it" : state.now.row === OWN ? "this row is yours, so nothing is recorded of it" : "the output of this stage is not in this page";
  if (recorded === null) return h("p", { class: "check" }, `Computed here from ${model.weightsText(state.now.epoch)}; ${why}.`);
  if (agrees) return h("p", { class: "check" }, h("b", {}, `✓ Keras recorded ${fixed(recorded, 7)}`), `; computed here: ${fixed(computed, 7)}.`);
  return h("p", { class: "check wrong" }, h("b", {}, `Keras recorded ${fixed(recorded, 7)}, computed here is ${fixed(computed, 7)}.`), " The two differ, so the computation above is not what happened in this stage.");
}
