// Problems against the clock, two attempts at each, and a result to keep.

import { h } from "viewer/dom.js";
import { copy } from "viewer/modes/lesson.js";
import { options } from "viewer/modes/options.js";

/** @typedef {import("viewer/document.js").Lesson} Lesson */
/** @typedef {import("viewer/modes/modes.js").Tools} Tools */

const ATTEMPTS = 2;

/**
 * @param {Lesson} lesson
 * @param {Tools} tools
 * @returns {HTMLElement}
 */
export function challenge(lesson, tools) {
  const place = h("div", {});
  const best = tools.kept.get("challenge", "");
  const start = h("button", { type: "button", class: "way main", onclick: () => run(lesson, tools, place) }, "Start the clock");
  place.append(h("p", { class: "go" }, start, best && h("span", { class: "muted" }, `Last result: ${best}`)));
  return place;
}

/**
 * @param {Lesson} lesson
 * @param {Tools} tools
 * @param {HTMLElement} place
 */
function run(lesson, tools, place) {
  const problems = drawn(lesson, tools);
  const began = Date.now();
  const clock = h("p", { class: "clock", role: "timer", "aria-live": "off" });
  const step = h("div", {});
  /** @type {(number | null)[]} */
  const attempts = [];
  let over = false;
  const seconds = () => Math.round((Date.now() - began) / 1000);
  const tick = () => {
    if (over || !clock.isConnected) return;
    const left = lesson.minutes * 60 - seconds();
    clock.textContent = left >= 0 ? `${time(left)} left` : `${time(-left)} over`;
    setTimeout(tick, 1000);
  };
  const next = (/** @type {number} */ at) => {
    if (at === problems.length) return result();
    const problem = problems[at];
    const card = options(problem, `Problem ${at + 1} of ${problems.length} · ${problem.kind}`, ATTEMPTS, tools, (attempt) => {
      attempts[at] = attempt;
      const button = h("button", { type: "button", class: "way main next", onclick: () => next(at + 1) }, at + 1 < problems.length ? "Next problem" : "Result");
      card.append(h("p", { class: "go" }, button));
      button.focus({ preventScroll: true });
    });
    step.replaceChildren(card);
    /** @type {HTMLElement | null} */ (card.querySelector(".question"))?.focus({ preventScroll: true });
  };
  const result = () => {
    over = true;
    const points = attempts.reduce((sum, each) => (sum ?? 0) + (each === 1 ? 2 : each === 2 ? 1 : 0), 0) ?? 0;
    const text = `${points} of ${2 * problems.length} points in ${time(seconds())}`;
    const kept = `${document.title}: ${text}, ${new Date().toISOString().slice(0, 10)}`;
    tools.kept.set("challenge", `${text}, ${new Date().toISOString().slice(0, 10)}`);
    const button = h("button", { type: "button", class: "plain", onclick: () => copy(kept, button) }, "Copy the result");
    const heading = h("p", { class: "question", tabindex: -1 }, `${text}.`);
    clock.textContent = "";
    step.replaceChildren(
      h(
        "div",
        { class: "card" },
        heading,
        h("ul", {}, ...problems.map((problem, at) => h("li", {}, `${problem.kind}: ${attempts[at] === 1 ? "right" : attempts[at] === 2 ? "right at the second attempt" : `not solved${problem.answer < 0 ? "" : `; it is ${problem.options[problem.answer]}`}`}`))),
        h("p", { class: "go" }, button, h("button", { type: "button", class: "plain", onclick: () => run(lesson, tools, place) }, "Once more")),
      ),
    );
    heading.focus({ preventScroll: true });
  };
  place.replaceChildren(clock, step);
  next(0);
  tick();
}

/**
 * @param {Lesson} lesson
 * @param {Tools} tools
 * @returns {import("viewer/document.js").Problem[]} of this time: others than the last time, as long as there are others
 */
function drawn({ problems, spares }, { kept }) {
  const time = kept.get("challenges", 0);
  kept.set("challenges", time + 1);
  const all = [...problems, ...spares];
  const first = (time * problems.length) % all.length;
  const turned = Math.floor((time * problems.length) / all.length) % problems.length;
  const set = all.slice(first, first + problems.length);
  return [...set.slice(turned), ...set.slice(0, turned)];
}

/**
 * @param {number} seconds
 * @returns {string}
 */
function time(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
