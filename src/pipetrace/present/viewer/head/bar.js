// The bar that stays at the top: the parts of the page, the row that is followed, the theme, and the keys.

import { h } from "viewer/dom.js";
import { scrubber } from "viewer/epochs/scrubber.js";
import { counted } from "viewer/figures.js";
import { keys } from "viewer/head/keys.js";
import { OWN } from "viewer/model/rows.js";
import { paintRow } from "viewer/rows/thumbnail.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/state.js").State} State */

/** Their titles, or short ones, which a part without one here says itself. */
const PARTS = [
  ["flow", "Data flow"],
  ["training-title", "Training"],
  ["plane", ""],
  ["results", "Right and wrong"],
  ["prediction-title", "Prediction"],
  ["findings", "Findings"],
  ["quiz-title", "Quiz"],
];

/**
 * @param {Document} view
 * @param {Model | null} model
 * @param {State} state
 * @param {import("viewer/epochs/epochs.js").Epochs} epochs
 * @param {HTMLElement} main what the page shows below the bar
 * @param {HTMLElement} chooser of the way to learn
 * @returns {HTMLElement}
 */
export function bar(view, model, state, epochs, main, chooser) {
  const links = PARTS.filter(([id]) => main.querySelector(`#${id}`)).map(([id, name]) => h("a", { href: `#${id}` }, name || (/** @type {HTMLElement | null} */ (main.querySelector(`#${id}`))?.dataset.short ?? "")));
  return h(
    "nav",
    { class: "topbar", "aria-label": "The page" },
    h("a", { class: "name", href: "#top" }, view.title),
    h("div", { class: "parts" }, ...links),
    h("div", { class: "controls" }, model && followed(model, state, ["results", "rows", "flow"].find((id) => main.querySelector(`#${id}`)) ?? "top"), scrubber(epochs, state), chooser, theme(state), keys(model, state, epochs)),
  );
}

/**
 * The row that is followed; leads to where another one is chosen.
 *
 * @param {Model} model
 * @param {State} state
 * @param {string} place where that is
 * @returns {HTMLElement}
 */
export function followed(model, state, place) {
  const canvas = h("canvas", { "aria-hidden": "true" });
  const text = h("span", {});
  state.watch(["row", "theme"], () => {
    canvas.hidden = !paintRow(canvas, model, state.now.row);
    text.textContent = state.now.row === OWN ? "Your row" : `Row ${counted(state.now.row)}`;
  });
  return h("a", { class: "plain followed", href: `#${place}`, title: "The row that is followed: choose another one" }, canvas, text);
}

/**
 * A button that switches between light and dark. Until it is used, the page follows the system.
 *
 * @param {State} state
 * @param {string} [place] where it stands
 * @returns {HTMLElement}
 */
export function theme(state, place = "theme") {
  const root = document.documentElement;
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const button = h("button", {
    type: "button",
    class: `plain ${place}`,
    onclick: () => state.set("theme", dark() ? "light" : "dark"),
  });
  state.watch("theme", () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", dark() ? "Show in light colours" : "Show in dark colours");
  });
  return button;
}
