// The nine ways to learn: the chooser in the bar, and the place where the chosen one is drawn.

import { apply } from "viewer/address.js";
import { h } from "viewer/dom.js";
import { cards } from "viewer/modes/cards.js";
import { challenge } from "viewer/modes/challenge.js";
import { exercises } from "viewer/modes/exercises.js";
import { head, parts, titled } from "viewer/modes/lesson.js";
import { measures } from "viewer/modes/measures.js";
import { Kept } from "viewer/modes/kept.js";
import { steps } from "viewer/modes/steps.js";

/** @typedef {import("viewer/document.js").Lesson} Lesson */
/** @typedef {import("viewer/document.js").Place} Place */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/state.js").State} State */

export const VISUALIZE = "visualize";

/**
 * What the parts of a mode may do with the page.
 *
 * @typedef {object} Tools
 * @property {State} state
 * @property {Kept} kept what the browser keeps for this file
 * @property {(place: Place) => void} look shows a place of the page
 * @property {(address: string) => void} set brings the explorer to a place, without moving there
 */

/**
 * @param {Lesson[]} lessons
 * @param {Model | null} model
 * @param {State} state
 * @param {HTMLElement} page what is shown in the mode "visualize"
 * @param {(id: string) => void} go to a place of the page
 * @returns {{ chooser: HTMLElement, place: HTMLElement }}
 */
export function modes(lessons, model, state, page, go) {
  const place = h("section", { class: "mode", id: "mode", tabindex: -1, "aria-labelledby": "mode-title" });
  const kept = new Kept(document.title);
  /** @type {Tools} */
  const tools = {
    state,
    kept,
    set: (address) => {
      const asked = new URLSearchParams(address);
      // What a lesson says of a stage is of the row that the page opens with, after training.
      if (asked.has("stage")) state.update({ row: state.first.row, epoch: state.end });
      apply(model, state, asked);
    },
    look: ({ address }) => {
      if (/(^|&)stage=/.test(address)) {
        tools.set(address);
        page.dataset.looking = "1";
        (document.getElementById("panel") ?? document.getElementById("flow"))?.scrollIntoView({ block: "start" });
        return;
      }
      state.set("mode", VISUALIZE);
      if (/^epoch=/.test(address)) {
        tools.set(address);
        go("training-title");
      } else {
        if (address === "results") state.set("epoch", state.end);
        go(address);
      }
    },
  };
  const draw = () => {
    const lesson = lessons.find((each) => each.mode === state.now.mode);
    const shown = lesson && lesson.mode !== VISUALIZE ? lesson : null;
    page.dataset.mode = shown?.mode ?? VISUALIZE;
    delete page.dataset.looking;
    place.hidden = !shown;
    place.replaceChildren(...(shown ? body(shown, tools) : []));
  };
  state.watch("mode", draw);
  return { chooser: chooser(lessons, state, place), place };
}

/**
 * @param {Lesson} lesson
 * @param {Tools} tools
 * @returns {HTMLElement[]}
 */
function body(lesson, tools) {
  if (lesson.absent) return [head(lesson, tools.state), h("p", { class: "notice" }, lesson.absent)];
  return [
    head(lesson, tools.state),
    ...(lesson.mode === "metrics" ? measures(lesson, tools) : parts(lesson.parts, tools)),
    lesson.steps.length > 0 && steps(lesson, tools),
    lesson.exercises.length > 0 && exercises(lesson, tools),
    lesson.mode === "review" && cards(lesson, tools),
    lesson.mode === "challenge" && challenge(lesson, tools),
  ].filter((each) => each instanceof HTMLElement);
}

/**
 * @param {Lesson[]} lessons
 * @param {State} state
 * @param {HTMLElement} place where the chosen one is drawn
 * @returns {HTMLElement}
 */
function chooser(lessons, state, place) {
  const choose = (/** @type {string} */ mode) => {
    state.update({ mode, step: 0 });
    open(false);
    scrollTo({ top: 0 });
    (place.hidden ? button : place).focus({ preventScroll: true });
  };
  const items = lessons.map((lesson) => {
    const name = h("b", {}, titled(lesson.mode));
    const item = h("button", { type: "button", onclick: () => choose(lesson.mode) }, name, h("span", {}, lesson.about), h("small", {}, `${lesson.minutes} min`));
    state.watch("mode", () => {
      if (state.now.mode === lesson.mode) item.setAttribute("aria-current", "true");
      else item.removeAttribute("aria-current");
    });
    return h("li", {}, item);
  });
  const list = h("ul", { role: "list", id: "modes", hidden: true }, ...items);
  const open = (/** @type {boolean} */ now) => {
    list.hidden = !now;
    button.setAttribute("aria-expanded", String(now));
  };
  const button = h("button", { type: "button", class: "plain", title: "Nine ways to learn from this run", "aria-expanded": "false", "aria-controls": "modes", onclick: () => open(Boolean(list.hidden)) });
  state.watch("mode", () => (button.textContent = titled(state.now.mode)));
  const menu = h("div", { class: "chooser" }, button, list);
  const leave = (/** @type {Event} */ event) => {
    if (event.target instanceof Node && !menu.contains(event.target)) open(false);
  };
  document.addEventListener("pointerdown", leave);
  document.addEventListener("focusin", leave);
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || list.hidden) return;
    open(false);
    button.focus();
    event.stopPropagation();
  });
  return menu;
}
