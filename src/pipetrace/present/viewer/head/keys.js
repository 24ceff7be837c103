// The keys of the page, and the dialog that lists them.

import { h } from "viewer/dom.js";
import { openStage, placeIn } from "viewer/explore/place.js";

/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/epochs/epochs.js").Epochs} Epochs */
/** @typedef {import("viewer/state.js").State} State */

const MOST_DIGITS = 9;

/**
 * @typedef {object} Key
 * @property {string} name as it is listed
 * @property {string} text what it does
 * @property {(key: string) => boolean} [run] does it; whether the key was this one
 */

/**
 * A button that lists the keys. They work wherever nothing is written.
 *
 * @param {Model | null} model
 * @param {State} state
 * @param {Epochs} epochs
 * @param {Key[]} [own] those that move in what the page shows
 * @returns {HTMLElement}
 */
export function keys(model, state, epochs, own = model ? inside(model, state) : []) {
  const list = [...own, ...(epochs.all.length > 1 ? [through(epochs)] : []), { name: "?", text: "show these keys" }, { name: "Esc", text: "close" }];
  const dialog = h(
    "dialog",
    { class: "keys", "aria-label": "Keys" },
    h("p", { class: "cap" }, h("b", {}, "Keys")),
    h("dl", {}, ...list.flatMap(({ name, text }) => [h("dt", {}, h("kbd", {}, name)), h("dd", {}, text)])),
    h("form", { method: "dialog" }, h("button", { class: "plain" }, "Close")),
  );
  // Nothing plays on behind the dialog.
  const show = () => {
    for (const button of document.querySelectorAll(".slide[aria-pressed=true], .play.playing")) if (button instanceof HTMLElement) button.click();
    dialog.showModal();
  };
  window.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open || isWriting(event.target)) return;
    if (event.key === "?") show();
    else if (!list.some(({ run }) => run?.(event.key))) return;
    event.preventDefault();
  });
  const button = h("button", { type: "button", class: "plain", onclick: show }, "Keys");
  return h("span", { class: "listed" }, button, dialog);
}

/**
 * @param {EventTarget | null} target
 * @returns {boolean} whether keys are text there
 */
function isWriting(target) {
  return target instanceof HTMLElement && target.matches("input:not([type=radio]):not([type=range]), textarea, select, [contenteditable]");
}

/**
 * The keys that go through the epochs.
 *
 * @param {Epochs} epochs
 * @returns {Key}
 */
function through(epochs) {
  const steps = new Map([[",", -1], [".", 1]]);
  return {
    name: ", .",
    text: "the epoch before, the next epoch",
    run: (key) => {
      const step = steps.get(key);
      if (step) epochs.go(step);
      return step !== undefined;
    },
  };
}

/**
 * The keys that move in the pipeline.
 *
 * @param {Model} model
 * @param {State} state
 * @returns {Key[]}
 */
function inside(model, state) {
  const stages = model.stages.slice(0, MOST_DIGITS);
  const move = (/** @type {number} */ step) => {
    const stage = model.byName.get(state.now.stage);
    const count = stage?.outputs[0]?.shape.at(-1) ?? 0;
    if (!stage || !count) return;
    const place = placeIn(model, state, stage);
    state.set("place", [...place.slice(0, -1), (place[place.length - 1] + step + count) % count]);
  };
  const steps = new Map([["[", -1], ["]", 1]]);
  return [
    {
      name: `1 … ${stages.length}`,
      text: "open a stage",
      run: (key) => {
        const stage = stages[Number(key) - 1];
        if (stage) openStage(model, state, stage);
        return Boolean(stage);
      },
    },
    {
      name: "[ ]",
      text: "the channel before, the next channel",
      run: (key) => {
        const step = steps.get(key);
        if (step) move(step);
        return step !== undefined;
      },
    },
    {
      name: "p",
      text: "slide the window over the whole input, or stop it",
      run: (key) => {
        const button = key === "p" ? document.querySelector("button.slide") : null;
        if (button instanceof HTMLElement) button.click();
        return button !== null;
      },
    },
    { name: "← → ↑ ↓", text: "move in an image; with Shift by five" },
  ];
}
