// A question with options, some attempts at it, and what is told of each.

import { h } from "viewer/dom.js";
import { opened } from "viewer/hidden.js";
import { code, seeIt } from "viewer/modes/lesson.js";

/** @typedef {import("viewer/document.js").Problem} Problem */
/** @typedef {import("viewer/modes/modes.js").Tools} Tools */

const LETTERS = "ABCD";

/**
 * @param {Problem} problem
 * @param {string} title what stands above it
 * @param {number} attempts
 * @param {Tools} tools
 * @param {(attempt: number | null) => void} done with the attempt that was right, counted from 1, or null
 * @returns {HTMLElement}
 */
export function options(problem, title, attempts, tools, done) {
  const said = h("div", { class: "feedback", "aria-live": "polite" });
  let used = 0;
  const buttons = problem.options.map((text, at) => {
    const mark = h("span", { class: "mark" });
    const button = h("button", { type: "button", class: "option", onclick: () => choose(at) }, h("span", { class: "letter" }, LETTERS[at]), h("span", {}, text), mark);
    return { button, mark };
  });
  const choose = (/** @type {number} */ at) => {
    used += 1;
    const { answer, remarks } = opened(problem, at);
    const right = at === answer;
    const over = right || used >= attempts;
    buttons.forEach(({ button, mark }, each) => {
      if (over) button.disabled = true;
      if (each === at && !right) {
        button.disabled = true;
        button.classList.add("wrong");
        mark.textContent = "your answer";
      }
      if (over && each === answer) {
        button.classList.add("right");
        mark.textContent = "right answer";
      }
    });
    said.replaceChildren(
      h("p", { class: "verdict" }, right ? "Right. " : over ? "Not this one. " : "Not this one; once more. ", remarks[at] ?? ""),
      ...(over && !right && answer >= 0 ? [h("p", {}, remarks[answer])] : []),
      ...(over && problem.place ? [seeIt(problem.place, tools)] : []),
    );
    if (over) done(right ? used : null);
  };
  return h(
    "div",
    { class: "card" },
    h("p", { class: "muted" }, title),
    h("p", { class: "question", tabindex: -1 }, problem.text),
    problem.code && code(problem.code),
    h("ul", { class: "options", role: "list" }, ...buttons.map(({ button }) => h("li", {}, button))),
    said,
  );
}
