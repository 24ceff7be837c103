// Rows as thumbnails, each with what was predicted of it; choosing one makes every picture follow it.

import { theme } from "viewer/colour.js";
import { h } from "viewer/dom.js";
import { rove, tabStop } from "viewer/explore/rove.js";
import { brief, counted, figure, percent } from "viewer/figures.js";
import { followed } from "viewer/rows/followed.js";
import { thumbnail } from "viewer/rows/thumbnail.js";

/** @typedef {import("viewer/rows/outcomes.js").Came} Came */
/** @typedef {import("viewer/rows/outcomes.js").Outcomes} Outcomes */
/** @typedef {import("viewer/rows/results.js").Part} Part */
/** @typedef {import("viewer/rows/results.js").Shared} Shared */

const MOST_SHOWN = 120;
const MOST_AT_ONCE = 36;
const PAUSE_MS = 150;

/**
 * The rows behind a chosen cell, or all wrong ones.
 *
 * @param {Shared} shared
 * @returns {Part}
 */
export function gallery(shared) {
  const { state } = shared;
  const title = h("h3");
  const note = h("small");
  const all = h("button", { type: "button", class: "plain", onclick: () => state.set("cell", null) }, "Show all wrong");
  const list = h("div", { class: "thumbs", role: "group", "aria-label": "Rows" });
  rove(list);
  const head = h("div", { class: "galleryhead" }, title, note, all);
  const chip = chips(shared, "thumb");
  let timer = 0;
  return {
    element: h("div", { class: "gallery" }, followed(shared), head, list),
    draw: (came) => {
      const found = chosenRows(shared, came);
      title.textContent = found.title;
      note.textContent = [found.order, found.rows.length > MOST_SHOWN && `the first ${MOST_SHOWN}`, "choose one to follow it"].filter(Boolean).join("; ");
      note.hidden = !found.rows.length;
      all.hidden = !found.cell;
      list.hidden = !found.rows.length;
      const show = (/** @type {number} */ from, /** @type {number} */ to) => found.rows.slice(from, to).map((each) => chip(each.row, said(shared.outcomes, each)));
      list.replaceChildren(...show(0, MOST_AT_ONCE));
      mark(list, state.now.row);
      clearTimeout(timer);
      // The others have to be scrolled to: they wait until no epoch is scrubbed through any more.
      timer = window.setTimeout(() => {
        list.append(...show(MOST_AT_ONCE, MOST_SHOWN));
        mark(list, state.now.row);
      }, PAUSE_MS);
    },
    mark: () => mark(list, state.now.row),
  };
}

/**
 * Rows of each kind, chosen anew for each epoch: right ones, the surest wrong ones, the least sure ones.
 *
 * @param {Shared} shared
 * @returns {Part}
 */
export function kinds(shared) {
  const { outcomes, state } = shared;
  const chip = chips(shared, "row");
  const lists = groupsOf(outcomes, []).map(([name]) => h("div", { role: "group", "aria-label": name }, h("p", { class: "caption" }, name), h("div", {})));
  const element = h("div", { class: "kinds" }, ...lists);
  rove(element);
  return {
    element,
    draw: (came) => {
      groupsOf(outcomes, came).forEach(([, rows], at) => {
        lists[at].hidden = !rows.length;
        lists[at].lastElementChild?.replaceChildren(...rows.map((each) => chip(each.row, said(outcomes, each))));
      });
      mark(element, state.now.row);
    },
    mark: () => mark(element, state.now.row),
  };
}

/**
 * @param {Outcomes} outcomes
 * @param {readonly Came[]} came
 * @returns {[string, Came[]][]}
 */
function groupsOf(outcomes, came) {
  const up = [...came].sort((one, other) => one.sure - other.sure);
  if (outcomes.measure !== "probability") {
    const [few, many] = outcomes.measure === "overlap" ? ["Least overlap", "Most overlap"] : ["Closest", "Furthest off"];
    return [[few, up.slice(0, 4)], [many, up.slice(4).slice(-4).reverse()]];
  }
  const right = up.filter(({ wrong }) => !wrong);
  const surest = up.filter(({ wrong }) => wrong).reverse().slice(0, 3);
  const middle = [0.25, 0.5, 0.75].map((share) => right[Math.floor(share * right.length)]).filter((each, at, all) => each && all.indexOf(each) === at);
  return [["Right", middle], ["Surest wrong", surest], ["Least sure", up.filter((each) => !surest.includes(each) && !middle.includes(each)).slice(0, 2)]];
}

/**
 * @param {Shared} shared
 * @param {readonly Came[]} came
 * @returns {{ rows: Came[], title: string, order: string, cell: boolean }}
 */
function chosenRows({ state, outcomes, results }, came) {
  const { names } = outcomes.view;
  const noun = (/** @type {number} */ count) => `${counted(count)} ${results.noun}${count === 1 ? "" : "s"}`;
  const down = (/** @type {Came[]} */ rows) => rows.sort((one, other) => other.sure - one.sure);
  const [first, second] = (state.now.cell ?? "").split(".");
  if (outcomes.measure === "probability") {
    const [label, predicted] = [Number(first), Number(second)];
    const cell = state.now.cell !== null && names[label] !== undefined && names[predicted] !== undefined;
    const rows = down(came.filter((each) => (cell ? each.label === label && each.said === predicted : each.wrong)));
    const title = cell ? `${noun(rows.length)} of ${names[label]}, predicted as ${names[predicted]}` : rows.length ? `All ${noun(rows.length)} that are wrong` : `No ${results.noun} is wrong`;
    return { rows, title, order: "surest first", cell };
  }
  if (outcomes.view.form === "multilabel") {
    const label = Number(first);
    const cell = state.now.cell !== null && names[label] !== undefined && (second === "missed" || second === "extra");
    if (cell) {
      const rows = came.filter(({ place }) => outcomes.mistake(place, label, outcomes.nearest(state.now.epoch)) === second);
      return { rows, title: `${noun(rows.length)} where ${names[label]} is ${second === "missed" ? "missed" : "given wrongly"}`, order: "", cell };
    }
    return { rows: down(came.filter(({ wrong }) => wrong)), title: "Most wrong labels", order: "most first", cell: false };
  }
  if (outcomes.measure === "overlap") return { rows: [...came].sort((one, other) => one.sure - other.sure), title: "By overlap with the target", order: "least overlap first", cell: false };
  return { rows: down([...came]), title: `By ${outcomes.measure}`, order: "furthest off first", cell: false };
}

/**
 * @param {Outcomes} outcomes
 * @param {Came} each
 * @returns {(string | Node)[]} what was predicted of a row
 */
function said(outcomes, { label, said: predicted, sure, place }) {
  const { names } = outcomes.view;
  if (outcomes.measure === "probability") return [`${names[label] ?? "?"} → `, h("b", {}, names[predicted] ?? "?"), ` ${outcomes.view.scale === "scores" ? figure(sure) : percent(sure)}`];
  if (outcomes.measure === "overlap") return ["IoU ", h("b", {}, figure(sure))];
  if (outcomes.view.form === "multilabel" || outcomes.view.form === "sequence") return [h("b", {}, counted(sure)), " wrong"];
  const [given, wanted] = [outcomes.given(outcomes.nearest(outcomes.shown), place), outcomes.wanted(place)];
  if (given.data.length === 1) return [`${brief(wanted.data[0])} → `, h("b", {}, figure(given.data[0]))];
  return ["off by ", h("b", {}, figure(sure))];
}

/**
 * Buttons that follow a row, each made once: what was predicted of it changes with the epoch, its picture does not.
 *
 * @param {Shared} shared
 * @param {string} kind their class
 * @returns {(row: number, text: (string | Node)[]) => HTMLElement}
 */
function chips({ model, state }, kind) {
  /** @type {Map<number, { button: HTMLElement, text: HTMLElement }>} */
  const made = new Map();
  let painted = theme();
  return (row, text) => {
    if (painted !== theme()) made.clear();
    painted = theme();
    let found = made.get(row);
    if (!found) {
      const said = h("span", {});
      const button = h("button", { type: "button", class: kind, "data-row": row, onclick: () => state.set("row", row) }, thumbnail(model, row), h("span", {}, h("span", { class: "unseen" }, `${model.row(row).text}: `), said));
      made.set(row, (found = { button, text: said }));
    }
    found.text.replaceChildren(...text);
    return found.button;
  };
}

/**
 * Show which row is followed.
 *
 * @param {HTMLElement} list
 * @param {number} row
 */
function mark(list, row) {
  let chosen = null;
  for (const button of list.querySelectorAll("button")) {
    const pressed = button.dataset.row === String(row);
    button.setAttribute("aria-pressed", String(pressed));
    if (pressed) chosen ??= button;
  }
  tabStop(list, chosen);
}
