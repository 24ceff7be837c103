// Steps through the pipeline: each brings the explorer to its place and says what is to be seen there.

import { h } from "viewer/dom.js";
import { explained } from "viewer/words.js";

/** @typedef {import("viewer/document.js").Lesson} Lesson */
/** @typedef {import("viewer/modes/modes.js").Tools} Tools */

/**
 * @param {Lesson} lesson
 * @param {Tools} tools
 * @returns {HTMLElement}
 */
export function steps({ steps: all }, { state, set }) {
  const place = h("div", { "aria-live": "polite", tabindex: 0 });
  const dots = all.map((step, at) =>
    h("button", { type: "button", class: "dot", title: `Step ${at + 1}: ${step.heading}`, "aria-label": `Step ${at + 1}: ${step.heading}`, onclick: () => state.set("step", at) }, String(at + 1)),
  );
  const move = (/** @type {number} */ by) => () => state.set("step", Math.min(Math.max(state.now.step + by, 0), all.length - 1));
  const [back, next] = [h("button", { type: "button", class: "plain", onclick: move(-1) }, "Back"), h("button", { type: "button", class: "way main", onclick: move(1) }, "Next step")];
  const hide = h("button", {
    type: "button",
    class: "plain",
    "aria-expanded": "true",
    onclick: () => {
      const isHidden = card.classList.toggle("small");
      hide.setAttribute("aria-expanded", String(!isHidden));
      hide.textContent = isHidden ? "Show text" : "Hide text";
    },
  }, "Hide text");
  const card = h("div", { class: "card stepping" }, place, h("div", { class: "go" }, back, ...dots, next, hide));
  let drawn = -1;
  state.watch(["step", "mode"], () => {
    if (state.now.mode !== "deep") return void (drawn = -1);
    const at = Math.min(state.now.step, all.length - 1);
    if (at === drawn) return;
    const step = all[at];
    place.replaceChildren(
      h("div", { class: "stephead" }, h("h2", {}, step.heading), h("p", { class: "muted" }, `Step ${at + 1} of ${all.length}`)),
      ...step.texts.map((text) => h("p", {}, ...explained(text))),
      ...(step.place ? [h("p", { class: "muted where" }, `On the page: ${step.place.text}.`)] : []),
    );
    dots.forEach((dot, each) => (each === at ? dot.setAttribute("aria-current", "step") : dot.removeAttribute("aria-current")));
    back.disabled = at === 0;
    next.disabled = at === all.length - 1;
    // The place that the address names is kept when the page is opened there.
    const isKept = drawn < 0 && Boolean(state.now.place?.length);
    if (step.place && !isKept) set(step.place.address);
    // To what it is about, which the card leaves in view.
    if (!isKept) requestAnimationFrame(() => (shownBy(step, state) ?? document.getElementById("panel") ?? document.getElementById("flow"))?.scrollIntoView({ block: "start" }));
    drawn = at;
  });
  return card;
}

/**
 * @param {import("viewer/document.js").Part} step
 * @param {import("viewer/state.js").State} state
 * @returns {Element | null} what of the panel the step is about: its own image beside those of other stages, or a value
 */
function shownBy({ place }, state) {
  const images = document.querySelector("#panel .pictures")?.children ?? [];
  if (place?.whole && images.length) return images[Math.min(1, images.length - 1)];
  return state.now.place?.length ? document.querySelector("#panel .calchead") : null;
}
