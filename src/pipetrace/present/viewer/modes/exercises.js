// Tasks with blanks: three attempts, a hint that leads to the explorer, and an answer to known slips.

import { h } from "viewer/dom.js";
import { filled, unlocked } from "viewer/hidden.js";
import { seeIt } from "viewer/modes/lesson.js";

/** @typedef {import("viewer/document.js").Blank} Blank */
/** @typedef {import("viewer/document.js").Exercise} Exercise */
/** @typedef {import("viewer/document.js").Lesson} Lesson */
/** @typedef {import("viewer/modes/modes.js").Tools} Tools */

const ATTEMPTS = 3;
const BLANK = "____";

/**
 * @param {Lesson} lesson
 * @param {Tools} tools
 * @returns {HTMLElement}
 */
export function exercises(lesson, tools) {
  const all = lesson.exercises;
  /** @type {(boolean | null)[]} */
  const solved = all.map(() => null);
  const score = h("p", { class: "score", "aria-live": "polite" });
  const tell = () => {
    const done = solved.filter((each) => each !== null).length;
    score.textContent = done ? `${solved.filter(Boolean).length} of ${all.length} solved${done < all.length ? `, ${all.length - done} to go` : ""}.` : "";
    again.hidden = !done;
  };
  const again = h("button", {
    type: "button",
    class: "plain",
    hidden: true,
    onclick: () => {
      for (const each of all) tools.kept.set(named(each), null);
      place.replaceWith(exercises(lesson, tools));
    },
  }, "Try all again");
  const tasks = all.map((exercise, at) =>
    task(exercise, at, all.length, tools, (right) => {
      solved[at] = right;
      tell();
    }),
  );
  const place = h("div", {}, ...tasks, score, h("p", { class: "go" }, again));
  return place;
}

/**
 * @param {Exercise} exercise
 * @param {number} at
 * @param {number} of
 * @param {Tools} tools
 * @param {(right: boolean) => void} done
 * @returns {HTMLElement}
 */
function task(exercise, at, of, tools, done) {
  const inputs = exercise.blanks.map((blank, each) =>
    h("input", { class: "blank", type: "text", autocomplete: "off", autocapitalize: "off", spellcheck: "false", size: blank.sealed.length ? 8 : Math.max(4, blank.answer.length + 1), "aria-label": `Task ${at + 1}, blank ${each + 1}` }),
  );
  const pieces = exercise.code.split(BLANK).flatMap((text, each) => [text, inputs[each]]);
  const said = h("div", { class: "feedback", "aria-live": "polite" });
  const left = h("span", { class: "muted" }, `${ATTEMPTS} attempts`);
  let attempts = 0;
  const isHidden = exercise.blanks.some(({ sealed }) => sealed.length);
  // What was tried stays when this way to learn is left.
  const name = named(exercise);
  const end = (/** @type {Judged[]} */ judged) => {
    const right = judged.every((each) => each.right);
    for (const each of [...inputs, check]) each.disabled = true;
    left.textContent = "";
    const keys = judged.flatMap(({ key }) => (key ? [key] : []));
    const solution = isHidden ? (right ? unlocked(exercise.solution, keys) : "The answer is hidden on this page.") : exercise.solution;
    said.append(h("p", {}, `${right || isHidden ? "" : `It is ${exercise.blanks.map(({ answer }) => answer).join(", ")}. `}${solution}`));
    done(right);
  };
  const check = h("button", { type: "submit", class: "way main" }, "Check");
  // The first blank that is wrong while there are attempts left.
  const told = () => {
    const judged = exercise.blanks.map((blank, each) => judge(blank, inputs[each].value));
    const wrong = judged.flatMap(({ right }, each) => (right ? [] : [each]));
    inputs.forEach((input, each) => input.setAttribute("aria-invalid", String(wrong.includes(each))));
    const remarks = new Set(wrong.map((each) => judged[each].remark || `Hint: ${exercise.hint}`));
    said.replaceChildren(h("p", { class: "verdict" }, wrong.length ? `Not yet. ${[...remarks].join(" ")}` : "Right."));
    if (!wrong.length || attempts === ATTEMPTS) return void end(judged);
    left.textContent = `${ATTEMPTS - attempts} ${ATTEMPTS - attempts === 1 ? "attempt" : "attempts"} left`;
    return wrong[0];
  };
  const form = h(
    "form",
    {
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        if (inputs.some((input) => !input.value.trim())) return void said.replaceChildren(h("p", {}, "Fill in every blank."));
        attempts += 1;
        tools.kept.set(name, { attempts, given: inputs.map(({ value }) => value) });
        const wrong = told();
        if (wrong !== undefined) inputs[wrong].select();
      },
    },
    h("pre", { class: "listing" }, ...pieces.filter((piece) => piece !== undefined)),
    h(
      "p",
      { class: "go" },
      check,
      h("button", { type: "button", class: "plain", onclick: () => said.replaceChildren(h("p", {}, exercise.hint)) }, "Hint"),
      exercise.place && seeIt(exercise.place, tools, "Look in the explorer"),
      left,
    ),
    said,
  );
  const before = /** @type {{ attempts: number, given: string[] } | null} */ (tools.kept.get(name, null));
  if (before) {
    attempts = before.attempts;
    inputs.forEach((input, each) => (input.value = before.given[each] ?? ""));
    told();
  }
  return h("section", { class: "part task" }, h("p", { class: "muted" }, `Task ${at + 1} of ${of} · ${exercise.level}`), h("h2", {}, exercise.text), form);
}

/**
 * @param {Exercise} exercise
 * @returns {string} under which the browser keeps what was tried
 */
function named({ text, code }) {
  return `try ${text} ${code}`;
}

/**
 * @typedef {object} Judged what is said of an entry
 * @property {boolean} right
 * @property {string} remark of a wrong one
 * @property {Uint8Array | null} key to the solution, where it is hidden
 */

/**
 * @param {Blank} blank
 * @param {string} text
 * @returns {Judged}
 */
function judge(blank, text) {
  if (!blank.sealed.length) return { right: matches(blank, text), remark: slip(blank, text), key: null };
  const { key, remark } = filled(blank, plain(text));
  return { right: key !== null, remark, key };
}

/**
 * @param {Blank} blank
 * @param {string} text
 * @returns {boolean} whether it is the answer, written in any way
 */
export function matches(blank, text) {
  const [given, wanted] = [plain(text), plain(blank.answer)];
  if (given === wanted) return true;
  const [one, other] = [Number(given), Number(wanted)];
  return given !== "" && Number.isFinite(one) && Math.abs(one - other) <= blank.within + 1e-9;
}

/**
 * @param {Blank} blank
 * @param {string} text
 * @returns {string} what to say of a wrong answer; empty if it is no known one
 */
export function slip(blank, text) {
  return blank.slips.find((each) => matches({ ...blank, answer: each.answer }, text))?.remark ?? "";
}

/**
 * @param {string} text
 * @returns {string}
 */
function plain(text) {
  return text.trim().toLowerCase().replace(/["'\s]/g, "").replace(/(?<=\d),(?=\d{3}\b)/g, "").replace(/^(filters|units|kernel_size|pool_size|output_dim)=/, "").replace(/\u2212/g, "-");
}
