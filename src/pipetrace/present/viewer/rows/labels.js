// A line for each label of an output that tells several: how often it is right, missed, or given wrongly.

import { h } from "viewer/dom.js";
import { heading } from "viewer/draw/numbers.js";
import { rove, tabStop } from "viewer/explore/rove.js";
import { counted } from "viewer/figures.js";

/** @typedef {import("viewer/rows/results.js").Part} Part */
/** @typedef {import("viewer/rows/results.js").Shared} Shared */

const MOST_LABELS = 40;

/**
 * @param {Shared} shared
 * @returns {Part}
 */
export function labels({ state, outcomes }) {
  const { names } = outcomes.view;
  const body = h("tbody");
  const heads = ["label", "true in", "right", "missed", "given wrongly"];
  rove(body, () => {});
  const open = (/** @type {string} */ cell) => () => state.set("cell", state.now.cell === cell ? null : cell);
  return {
    element: h("div", { class: "wide" }, h("table", { class: "grid perlabel" }, h("thead", {}, h("tr", {}, ...heads.map(heading))), body)),
    draw: (came) => {
      const epoch = outcomes.nearest(state.now.epoch);
      body.replaceChildren(
        ...names.slice(0, MOST_LABELS).map((name, label) => {
          const counts = { missed: 0, extra: 0, right: 0 };
          let positive = 0;
          for (const { place } of came) {
            counts[outcomes.mistake(place, label, epoch)] += 1;
            if (outcomes.wanted(place).data[label] > 0.5) positive += 1;
          }
          const cell = (/** @type {"missed" | "extra"} */ kind) =>
            h("td", {}, h("button", { type: "button", class: "bare", "data-cell": `${label}.${kind}`, "aria-pressed": String(state.now.cell === `${label}.${kind}`), "aria-label": `${name}, ${kind === "missed" ? "missed" : "given wrongly"}: ${counts[kind]}`, onclick: open(`${label}.${kind}`) }, counted(counts[kind])));
          return h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, counted(positive)), h("td", {}, `${counted(counts.right)} of ${counted(came.length)}`), cell("missed"), cell("extra"));
        }),
      );
      tabStop(body, body.querySelector("[aria-pressed=true]"));
    },
  };
}
