// Right and wrong: how the kept rows came out after the epoch that is looked at, and the rows behind each number.

import { h, whenSeen } from "viewer/dom.js";
import { theme } from "viewer/colour.js";
import { compared } from "viewer/rows/compared.js";
import { course, LEAST } from "viewer/rows/course.js";
import { gallery, kinds } from "viewer/rows/gallery.js";
import { labels } from "viewer/rows/labels.js";
import { matrix } from "viewer/rows/matrix.js";
import { Outcomes } from "viewer/rows/outcomes.js";
import { scatter } from "viewer/rows/scatter.js";
import { explained } from "viewer/words.js";

/** @typedef {import("viewer/document.js").ResultsView} ResultsView */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/rows/outcomes.js").Came} Came */
/** @typedef {import("viewer/state.js").State} State */

/**
 * @typedef {object} Shared what the parts of the section share
 * @property {Model} model
 * @property {State} state
 * @property {ResultsView} results
 * @property {Outcomes} outcomes of the output that is shown
 * @property {() => void} show goes to the pipeline
 */

/**
 * @typedef {object} Part
 * @property {HTMLElement} element
 * @property {(came: Came[]) => void} draw
 * @property {() => void} [mark] called when another row is followed
 */

/** @type {Record<string, ((shared: Shared) => Part)[]>} */
const PARTS = {
  classes: [matrix, gallery],
  binary: [matrix, gallery],
  multilabel: [labels, gallery],
  numbers: [scatter, course, gallery],
  sequence: [gallery],
  image: [compared, gallery],
  mask: [compared, gallery],
};

/**
 * @param {ResultsView | null} results
 * @param {Model} model
 * @param {State} state
 * @param {() => void} show goes to the pipeline
 * @returns {HTMLElement | null} null where no rows are kept, or their targets are not known
 */
export function rightAndWrong(results, model, state, show) {
  const outputs = results?.outputs.flatMap((view, at) => (PARTS[view.form] && view.results.length ? [at] : [])) ?? [];
  if (!results || !outputs.length) return null;
  const body = h("div");
  const shown = outputs.map((at) => output(results, model, state, at, show));
  const choose = (/** @type {HTMLElement} */ which) => body.replaceChildren(...(chooser ? [chooser] : []), which);
  const chooser = outputs.length > 1 && selector(outputs.map((at) => results.outputs[at].name ?? `output ${at}`), (at) => choose(shown[at]));
  choose(shown[0]);
  return h(
    "section",
    { "aria-labelledby": "results" },
    h("h2", { id: "results" }, "Right and wrong"),
    h("p", { class: "muted" }, ...explained(results.note)),
    body,
  );
}

/**
 * @param {string[]} names of the outputs
 * @param {(at: number) => void} choose
 * @returns {HTMLElement}
 */
function selector(names, choose) {
  const options = names.map((name, at) => h("option", { value: at }, name));
  return h("label", { class: "caption" }, "Output: ", h("select", { onchange: (event) => choose(Number(event.target.value)) }, ...options));
}

/**
 * @param {ResultsView} results
 * @param {Model} model
 * @param {State} state
 * @param {number} at which output
 * @param {() => void} show
 * @returns {HTMLElement}
 */
function output(results, model, state, at, show) {
  const outcomes = new Outcomes(model, results, at);
  const shared = { model, state, results, outcomes, show };
  const title = h("p", { class: "verdict" });
  const words = h("p");
  const chosen = kinds(shared);
  const [wanted, given] = [outcomes.wanted(0).data.length, outcomes.given(model.end, 0).data.length];
  const parts = PARTS[outcomes.view.form].filter((part) => (part !== scatter || wanted === 1) && (part !== course || (wanted === given && wanted >= LEAST))).map((part) => part(shared));
  const below = h("div", {}, chosen.element, h("div", { class: "twoparts" }, ...parts.map((part) => part.element)));
  const element = h("div", { class: "cameout" }, title, words, below);
  const all = [chosen, ...parts];
  let drawn = "";
  const draw = () => {
    const { epoch: now, cell } = state.now;
    const key = `${now} ${cell} ${theme()}`;
    if (drawn === key) return all.forEach((part) => part.mark?.());
    drawn = key;
    const epoch = outcomes.nearest(state.now.epoch);
    outcomes.shown = epoch;
    const told = outcomes.view.results.find((each) => each.epoch === epoch);
    const asked = epoch === state.now.epoch ? "" : ` (not recorded after epoch ${state.now.epoch})`;
    const when = epoch === model.end ? "after training" : epoch ? `after epoch ${epoch}` : "before training";
    title.textContent = `${told?.title ?? ""} ${when}${asked}`;
    words.textContent = told?.sentences.join(" ") ?? "";
    const came = outcomes.at(epoch);
    below.hidden = !came.length; // where no output is finite
    const focused = document.activeElement;
    for (const part of all) part.draw(came);
    // A button that is moved loses the focus.
    if (focused instanceof HTMLElement && element.contains(focused) && focused !== document.activeElement) focused.focus({ preventScroll: true });
  };
  state.watch(["row", "epoch", "cell", "theme"], whenSeen(element, draw, true));
  return element;
}
