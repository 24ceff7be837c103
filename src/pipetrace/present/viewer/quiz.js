// The quiz: one question at a time, four options, and an explanation of every answer.

import { h } from "viewer/dom.js";
import { counted } from "viewer/figures.js";
import { opened } from "viewer/hidden.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").QuestionView} QuestionView */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/state.js").State} State */

const LETTERS = "ABCD";
/** Evidence that is of the model as training left it. */
const AT_THE_END = /^(stage\/|prediction\/|results$)/;

/**
 * @param {Document} view
 * @param {State} state
 * @param {Model | null} model
 * @param {(id: string, row?: number | null) => void} visit goes to a place on the page, with a row
 * @returns {HTMLElement | null}
 */
export function quiz({ quiz: questions }, state, model, visit) {
  if (!questions.length) return null;
  const place = h("div", {});
  // A screen reader reads what is added to a live region only if the region was there before.
  const region = h("div", { class: "feedback", "aria-live": "polite" });
  const about = h("p", { class: "go whichrow" });
  const card = h("div", { class: "card" }, place, about, region);
  const draw = () => {
    const number = state.now.question;
    const chosen = state.now.answers[number] ?? null;
    const question = questions[number] && opened(questions[number], chosen);
    place.replaceChildren(...(question ? asked(questions.length, question, state, card) : result(questions, state, card)));
    region.replaceChildren(
      ...(question && chosen !== null ? feedback(question, chosen, number, questions.length, state, card, visit) : []),
    );
  };
  state.watch("question", draw);
  state.watch("answers", draw);
  // What the page shows is of one row after one epoch; the question may be of another.
  state.watch(["question", "row", "epoch"], () => {
    const question = questions[state.now.question];
    const row = question?.row ?? null;
    const known = row !== null && model?.rows.all.has(row);
    const isOther = (known && row !== state.now.row) || (question && model && AT_THE_END.test(question.evidence) && state.now.epoch !== state.end);
    about.replaceChildren(
      ...(isOther
        ? [
            h("span", { class: "muted" }, `This question is about ${known ? `row ${counted(row)}` : "the model"} after training. The page shows another ${known ? "row or " : ""}epoch now.`),
            h("button", { type: "button", class: "plain", onclick: () => state.update({ row: known ? row : state.now.row, epoch: state.end }) }, known ? `Show row ${counted(row)}` : "Show it after training"),
          ]
        : []),
    );
    about.hidden = !about.childElementCount;
  });
  return h(
    "section",
    { "aria-labelledby": "quiz-title" },
    h("h2", { id: "quiz-title" }, "Quiz", h("small", {}, `${questions.length} questions from this run`)),
    questions.some((question) => question.sealed.length) &&
      h("p", { class: "muted" }, "The answers are hidden in this file: they cannot be read off, but whoever tries all four options of a question finds its answer."),
    card,
    printed(questions),
  );
}

/**
 * All questions at once, for paper; their answers stand in the foot of the page.
 *
 * @param {QuestionView[]} questions
 * @returns {HTMLElement}
 */
function printed(questions) {
  return h(
    "ol",
    { class: "printed" },
    ...questions.map((question) =>
      h("li", {}, question.text, h("ol", {}, ...question.options.map((text) => h("li", {}, text)))),
    ),
  );
}

/**
 * The right answers, for the last sheet of paper; none where they are hidden.
 *
 * @param {QuestionView[]} questions
 * @returns {HTMLElement | null}
 */
export function answers(questions) {
  if (!questions.length || questions.some((question) => question.sealed.length)) return null;
  const letters = questions.map((question, index) => `${index + 1} ${LETTERS[question.answer]}`).join(", ");
  return h(
    "div",
    { class: "printed" },
    h("h2", {}, "Answers of the quiz"),
    h("p", { class: "letters" }, letters),
    h("ol", {}, ...questions.map((question) => h("li", {}, `${LETTERS[question.answer]}. ${question.options[question.answer]}. ${question.remarks[question.answer]}`))),
  );
}

/**
 * Go to a question, or past the last one to the result. The pressed button is gone by
 * then, so the focus moves to the question.
 *
 * @param {number} number
 * @param {State} state
 * @param {HTMLElement} card
 */
function go(number, state, card) {
  state.set("question", number);
  /** @type {HTMLElement | null} */ (card.querySelector(".question"))?.focus();
}

/**
 * @param {number} total
 * @param {QuestionView} question
 * @param {State} state
 * @param {HTMLElement} card
 * @returns {HTMLElement[]}
 */
function asked(total, question, state, card) {
  const number = state.now.question;
  const chosen = state.now.answers[number] ?? null;
  const choose = (/** @type {number} */ option) => {
    state.set("answers", state.now.answers.map((old, index) => (index === number ? option : old)));
    card.querySelector(".verdict")?.scrollIntoView({ block: "nearest" });
    /** @type {HTMLElement | null} */ (card.querySelector(".next"))?.focus({ preventScroll: true });
  };
  return [
    h("p", { class: "muted" }, `Question ${number + 1} of ${total}`),
    h("p", { class: "question", id: "question", tabindex: -1 }, question.text),
    h(
      "ul",
      { class: "options", role: "list", "aria-labelledby": "question" },
      ...question.options.map((text, index) => h("li", {}, option(text, index, question.answer, chosen, choose))),
    ),
  ];
}

/**
 * @param {string} text
 * @param {number} index
 * @param {number} answer
 * @param {number | null} chosen
 * @param {(option: number) => void} choose
 * @returns {HTMLElement}
 */
function option(text, index, answer, chosen, choose) {
  const mark = chosen === null ? "" : index === answer ? "right" : index === chosen ? "wrong" : "rest";
  const words = { right: "right answer", wrong: "your answer", rest: "", "": "" }[mark];
  return h(
    "button",
    { type: "button", class: `option ${mark}`, disabled: chosen !== null, onclick: () => choose(index) },
    h("span", { class: "letter" }, LETTERS[index]),
    h("span", {}, text),
    words && h("span", { class: "mark" }, words),
  );
}

/**
 * @param {QuestionView} question
 * @param {number} chosen
 * @param {number} number
 * @param {number} total
 * @param {State} state
 * @param {HTMLElement} card
 * @param {(id: string, row?: number | null) => void} visit
 * @returns {HTMLElement[]}
 */
function feedback(question, chosen, number, total, state, card, visit) {
  const right = chosen === question.answer;
  return [
    h("p", { class: "verdict" }, right ? "Right. " : "Not this one. ", question.remarks[chosen] ?? ""),
    ...(right || question.sealed.length ? [] : [h("p", {}, question.remarks[question.answer] ?? "")]),
    h(
      "p",
      { class: "go" },
      h(
        "a",
        {
          href: `#${question.evidence}`,
          onclick: (/** @type {Event} */ event) => {
            event.preventDefault();
            if (AT_THE_END.test(question.evidence)) state.set("epoch", state.end);
            visit(question.evidence, question.row);
          },
        },
        `See it: ${question.place}`,
      ),
      h(
        "button",
        { type: "button", class: "next", onclick: () => go(number + 1, state, card) },
        number + 1 < total ? "Next question" : "Result",
      ),
    ),
  ];
}

/**
 * @param {QuestionView[]} questions
 * @param {State} state
 * @param {HTMLElement} card
 * @returns {HTMLElement[]}
 */
function result(questions, state, card) {
  const right = questions.filter((question, index) => {
    const chosen = state.now.answers[index] ?? null;
    return opened(question, chosen).answer === chosen;
  }).length;
  const again = () => {
    state.set("answers", questions.map(() => null));
    go(0, state, card);
  };
  return [
    h("p", { class: "question", tabindex: -1 }, `${right} of ${questions.length} right.`),
    h("p", { class: "go" }, h("button", { type: "button", class: "next", onclick: again }, "Try again")),
  ];
}
