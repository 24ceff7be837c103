// Cards to turn over, then questions whose difficulty follows the answers. What was missed comes first the next time.

import { h } from "viewer/dom.js";
import { seeIt } from "viewer/modes/lesson.js";
import { options } from "viewer/modes/options.js";

/** @typedef {import("viewer/document.js").Lesson} Lesson */
/** @typedef {import("viewer/document.js").Problem} Problem */
/** @typedef {import("viewer/modes/modes.js").Tools} Tools */

const LEVELS = ["easy", "medium", "hard"];
const ASKED = 4;

/**
 * @param {Lesson} lesson
 * @param {Tools} tools
 * @returns {HTMLElement}
 */
export function cards(lesson, tools) {
  const place = h("div", {});
  /** @type {string[]} */
  const missed = tools.kept.get("missed", []);
  const isMissed = (/** @type {string} */ text) => missed.includes(text);
  const ordered = [...lesson.cards].sort((one, other) => Number(isMissed(other.front)) - Number(isMissed(one.front)));
  const remember = (/** @type {string} */ text, /** @type {boolean} */ knew) => {
    const at = missed.indexOf(text);
    if (knew && at >= 0) missed.splice(at, 1);
    if (!knew && at < 0) missed.push(text);
    tools.kept.set("missed", missed);
  };
  const show = (/** @type {number} */ at) => {
    if (at === ordered.length) return void place.replaceChildren(questions(lesson.problems, tools, isMissed, remember, () => place.replaceWith(cards(lesson, tools))));
    const card = ordered[at];
    const back = h("div", { hidden: true }, h("p", { class: "verdict" }, card.answer), h("p", {}, card.back), card.place && seeIt(card.place, tools));
    const done = (/** @type {boolean} */ knew) => () => {
      remember(card.front, knew);
      show(at + 1);
    };
    const judge = h("p", { class: "go", hidden: true }, h("button", { type: "button", class: "way", onclick: done(true) }, "I knew it"), h("button", { type: "button", class: "way", onclick: done(false) }, "I missed it"));
    const turn = h("button", {
      type: "button",
      class: "way main",
      onclick: () => {
        back.hidden = judge.hidden = false;
        turn.hidden = true;
        /** @type {HTMLElement} */ (judge.firstElementChild)?.focus({ preventScroll: true });
      },
    }, "Turn over");
    const front = h("p", { class: "question", tabindex: -1 }, card.front);
    place.replaceChildren(
      h("div", { class: "card" }, h("p", { class: "muted" }, `Card ${at + 1} of ${ordered.length} · ${card.level}${isMissed(card.front) ? " · missed before" : ""}`), front, back, h("p", { class: "go" }, turn), judge),
    );
    if (at) front.focus({ preventScroll: true });
  };
  show(0);
  return place;
}

/**
 * @param {Problem[]} problems
 * @param {Tools} tools
 * @param {(text: string) => boolean} isMissed
 * @param {(text: string, right: boolean) => void} remember
 * @param {() => void} again
 * @returns {HTMLElement}
 */
function questions(problems, tools, isMissed, remember, again) {
  const place = h("div", {});
  const left = [...problems];
  const count = Math.min(ASKED, left.length);
  let [level, asked, right] = [0, 0, 0];
  const next = () => {
    if (asked === count) {
      const text = h("p", { class: "question", tabindex: -1 }, count ? `${right} of ${count} questions right.` : "All cards turned over.");
      place.replaceChildren(h("div", { class: "card" }, text, h("p", {}, "What you missed comes first the next time."), h("p", { class: "go" }, h("button", { type: "button", class: "plain", onclick: again }, "Review again"))));
      return text.focus({ preventScroll: true });
    }
    const found = left.find((each) => isMissed(each.text)) ?? nearest(left, level);
    left.splice(left.indexOf(found), 1);
    asked += 1;
    const card = options(found, `Question ${asked} of ${count} · ${found.level}`, 1, tools, (attempt) => {
      const knew = attempt === 1;
      right += Number(knew);
      remember(found.text, knew);
      level = Math.min(Math.max(LEVELS.indexOf(found.level) + (knew ? 1 : -1), 0), LEVELS.length - 1);
      const button = h("button", { type: "button", class: "way main next", onclick: next }, asked < count ? "Next question" : "Result");
      card.append(h("p", { class: "go" }, button));
      button.focus({ preventScroll: true });
    });
    place.replaceChildren(card);
    /** @type {HTMLElement | null} */ (card.querySelector(".question"))?.focus({ preventScroll: true });
  };
  next();
  return place;
}

/**
 * @param {Problem[]} left
 * @param {number} level
 * @returns {Problem} one of this level, or else of the nearest
 */
function nearest(left, level) {
  const away = (/** @type {Problem} */ each) => Math.abs(LEVELS.indexOf(each.level) - level);
  return left.reduce((best, each) => (away(each) < away(best) ? each : best));
}
