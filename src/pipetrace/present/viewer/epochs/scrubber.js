// The epochs in the bar: a slider over all of them, and a button that plays them.

import { h } from "viewer/dom.js";

/** @typedef {import("viewer/epochs/epochs.js").Epochs} Epochs */
/** @typedef {import("viewer/state.js").State} State */

const MOST_NAMED = 9;

/**
 * @param {Epochs} epochs
 * @param {State} state
 * @returns {HTMLElement | null} nothing where there is only one
 */
export function scrubber(epochs, state) {
  const { all, short, long } = epochs;
  if (all.length < 2) return null;
  const named = all.length <= MOST_NAMED;
  const slider = h("input", {
    type: "range",
    min: 0,
    max: all.length - 1,
    step: 1,
    "aria-label": "Epoch",
    oninput: () => state.set("epoch", all[Number(slider.value)]),
  });
  const names = all.map((epoch) => h("span", {}, epoch ? short(epoch) : "0"));
  const says = h("output", {});
  const play = h("button", { type: "button", class: "play", onclick: () => epochs.play(told) });
  const told = (/** @type {boolean} */ plays) => {
    play.classList.toggle("playing", plays); // its sign is in the style, as it is no text
    play.setAttribute("aria-label", plays ? "Stop" : "Play the epochs");
  };
  told(false);
  state.watch("epoch", () => {
    const at = all.indexOf(state.now.epoch);
    slider.value = String(at);
    slider.setAttribute("aria-valuetext", long(all[at]));
    says.textContent = short(all[at]);
    names.forEach((name, k) => name.classList.toggle("now", k === at));
  });
  return h(
    "div",
    { class: `scrubber${named ? " named" : ""}`, role: "group", "aria-label": "Epochs" },
    h("span", { class: "title", "aria-hidden": "true" }, "Epoch"),
    play,
    h("div", { class: "track", style: `--count: ${all.length}` }, named && h("div", { class: "names", "aria-hidden": "true" }, ...names), slider),
    !named && says,
  );
}
