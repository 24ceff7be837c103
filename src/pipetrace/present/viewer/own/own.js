// Try your own: a row that the reader draws or edits. Everything on the page follows it, computed here.

import { h } from "viewer/dom.js";
import { rangesOf } from "viewer/draw/scales.js";
import { counted } from "viewer/figures.js";
import { OWN } from "viewer/model/rows.js";
import { agrees, check, sources } from "viewer/own/check.js";
import { drawing } from "viewer/own/draw.js";
import { fields, MOST_FIELDS } from "viewer/own/fields.js";
import { outputsOf } from "viewer/rows/outputs.js";
import { size } from "viewer/model/values.js";

/** @typedef {import("viewer/document.js").ResultsView} ResultsView */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/state.js").State} State */

/**
 * @typedef {object} Range
 * @property {number} low
 * @property {number} high
 * @property {boolean} whole whether only whole numbers from low to high have a meaning, such as the places of a table
 */

/**
 * @typedef {object} Source what the model, or the steps before it, receive
 * @property {string} name of the stage
 * @property {readonly number[]} shape
 * @property {readonly string[]} names of its values
 * @property {readonly string[] | null} words that its numbers stand for
 * @property {Range[]} ranges of each feature
 * @property {number} low the smallest value of all
 * @property {number} high
 * @property {boolean} dark whether most of what is recorded is nearer to the smallest value, as ink on an empty field is
 */

/**
 * @typedef {object} Editor
 * @property {HTMLElement} element
 * @property {(row: Values) => void} take start from these values
 * @property {(() => void) | null} clear
 * @property {string} hint
 * @property {() => void} redraw in other colours
 */

/**
 * @param {Model} model
 * @param {State} state
 * @param {ResultsView | null} results
 * @returns {HTMLElement | null} null where the page could not start: nothing is recorded of what the model receives
 */
export function tryYourOwn(model, state, results) {
  const names = sources(model);
  if (!names) return null;
  const told = h("p", { class: "muted", role: "status" });
  const body = h("div");
  const element = h("section", { class: "own", id: "own", "aria-labelledby": "own-title" }, h("h2", { id: "own-title" }, "Try your own"), told, body);
  // The comparison starts when the reader comes near, so that it does not slow the page down at its start.
  let begun = false;
  new IntersectionObserver(([entry], observer) => {
    if (!entry.isIntersecting || begun) return;
    begun = true;
    observer.disconnect();
    check(model, (checked) => {
      const { rows, of, difference, against } = checked;
      if (against) told.textContent = `Not offered here. ${against}`;
      else if (!agrees(checked)) told.textContent = `Comparing what this page computes with what was recorded: ${counted(rows)} of ${counted(of)} rows.`;
      else {
        told.textContent = `The recorded weights run in your browser. Compared with the recorded outputs of ${of === model.rows.all.size ? `all ${counted(of)} rows of this page` : `the ${counted(of)} rows that were followed`}: the largest difference is ${difference ? difference.toExponential(0) : 0}.`;
        body.replaceChildren(bench(model, state, results, names.flatMap((name) => sourceOf(model, name) ?? [])));
      }
    });
  }, { rootMargin: "300px" }).observe(element);
  return element;
}

/**
 * @param {Model} model
 * @param {string} name of a stage
 * @returns {Source | null} null where no row has it
 */
function sourceOf(model, name) {
  const rows = [...model.rows.all.keys()].flatMap((row) => model.recorded({ row, epoch: model.end }, name) ?? []);
  const stage = model.byName.get(name);
  if (!rows.length || !stage) return null;
  const shape = rows[0].shape;
  const entries = model.consumers(name).find(({ layer }) => layer === "Embedding")?.config.input_dim;
  const ranges = (rangesOf(model, name) ?? []).map((range) => (entries ? { low: 0, high: entries - 1, whole: true } : { ...range, whole: false }));
  const [low, high] = [Math.min(...ranges.map((range) => range.low)), Math.max(...ranges.map((range) => range.high))];
  const middle = rows.reduce((sum, { data }) => sum + data.reduce((all, value) => all + value, 0) / data.length, 0) / rows.length;
  return { dark: middle < (low + high) / 2, name, shape, names: model.unitNames(name), words: stage.words.length ? stage.words : null, ranges, low, high: high > low ? high : low + 1 };
}

/**
 * @param {Model} model
 * @param {State} state
 * @param {ResultsView | null} results
 * @param {Source[]} sources
 * @returns {HTMLElement}
 */
function bench(model, state, results, sources) {
  const said = h("div", { class: "ownresult", "aria-live": "polite" });
  /** @type {Map<string, Values>} */
  const own = new Map();
  const give = (/** @type {Source} */ source) => (/** @type {Values} */ made) => {
    own.set(source.name, made);
    follow();
  };
  const editors = sources.flatMap((source) => {
    const [rank, values] = [source.shape.length, size(source.shape)];
    const image = (rank === 3 && [1, 3].includes(source.shape[2])) || (rank === 2 && values > MOST_FIELDS);
    if (!image && (rank > 2 || values > MOST_FIELDS)) return [];
    return [{ source, editor: (image ? drawing : fields)(source, give(source)) }];
  });
  if (!editors.length) return h("p", { class: "muted" }, `Rows of ${counted(size(sources[0].shape))} values cannot be edited here.`);
  let cleared = false;
  const follow = () => {
    cleared = false;
    const top = said.getBoundingClientRect().top;
    model.takeOwn(Object.fromEntries(own));
    if (state.now.row === OWN) state.changed("row");
    else state.set("row", OWN);
    // What stands above may be higher or lower for another row; what is drawn on stays under the pointer.
    window.scrollBy({ top: said.getBoundingClientRect().top - top, behavior: "instant" });
  };
  // The reader's row may have been made elsewhere on the page.
  const follows = () => {
    for (const { name } of sources) {
      const values = model.rows.own.get(name);
      if (!values || own.get(name) === values) continue;
      own.set(name, values);
      editors.find(({ source }) => source.name === name)?.editor.take(values);
    }
  };
  const start = (/** @type {number} */ row) => {
    cleared = false;
    for (const { name } of sources) {
      const values = model.recorded({ row, epoch: model.end }, name);
      if (values) own.set(name, values);
    }
    for (const { source, editor } of editors) {
      const values = own.get(source.name);
      if (values) editor.take(values);
    }
  };
  let last = state.now.row;
  start(last);
  const clearable = editors.filter(({ editor }) => editor.clear);
  const tell = () => {
    if (state.now.row === OWN) follows();
    else if (state.now.row !== last) {
      last = state.now.row;
      if (!model.owned) start(last); // what the reader has drawn stays
    }
    const none = cleared ? [h("p", { class: "muted" }, `Nothing is drawn. The page follows ${model.row(last).text}.`)] : [];
    said.replaceChildren(...(state.now.row === OWN ? outputs(model, state, results) : none));
  };
  state.watch(["row", "epoch"], tell);
  const clear = () => {
    for (const { editor } of clearable) editor.clear?.();
    cleared = true;
    if (state.now.row === OWN) state.set("row", last);
    else tell();
  };
  state.watch("theme", () => editors.forEach(({ editor }) => editor.redraw()));
  return h(
    "div",
    { class: "bench" },
    ...editors.map(({ source, editor }) => (editors.length > 1 ? h("div", {}, h("h3", {}, source.name), editor.element) : editor.element)),
    h(
      "div",
      { class: "ownwords" },
      ...[...new Set(editors.map(({ editor }) => editor.hint))].map((hint) => h("p", { class: "muted" }, hint)),
      h(
        "p",
        { class: "buttons" },
        h("button", { type: "button", class: "plain", onclick: () => { start(last); follow(); } }, "Start from this row"),
        clearable.length > 0 &&
          h("button", { type: "button", class: "plain", onclick: clear }, "Clear"),
        h("button", { type: "button", class: "plain", onclick: () => state.set("row", last) }, "Back to the recorded row"),
      ),
    ),
    said,
  );
}

/**
 * What the model makes of the reader's own row.
 *
 * @param {Model} model
 * @param {State} state
 * @param {ResultsView | null} results
 * @returns {Node[]}
 */
function outputs(model, state, results) {
  const when = model.nearest(state.now.epoch) === model.end ? "" : ` with the weights after epoch ${model.nearest(state.now.epoch)}`;
  const changed = model.isEdited(state.now.epoch) ? ", some of them changed by you" : "";
  return [h("p", { class: "yours" }, `Yours, not recorded: computed here${when}${changed}.`), ...outputsOf(model, results, state.at)];
}
