// Inside the pipeline: the stages as tabs or groups, one open, and in it how every value came to be.

import { h, whenSeen } from "viewer/dom.js";
import { coursesOf } from "viewer/epochs/courses.js";
import { afterTraining, instead } from "viewer/epochs/epochs.js";
import { addends } from "viewer/explore/addends.js";
import { attention } from "viewer/explore/attention.js";
import { channels } from "viewer/explore/channels.js";
import { filter } from "viewer/explore/filter.js";
import { originOf } from "viewer/explore/origin.js";
import { overview } from "viewer/explore/overview.js";
import { nextPicture, pictureOf } from "viewer/explore/pictures.js";
import { placeIn, placeName } from "viewer/explore/place.js";
import { sliceOf } from "viewer/draw/slice.js";
import { rather } from "viewer/explore/rather.js";
import { stageTabs } from "viewer/explore/tabs.js";
import { otherWeights } from "viewer/explore/weights.js";
import { whatIf } from "viewer/explore/what_if.js";
import { measured } from "viewer/flow.js";
import { COMPUTING, explained } from "viewer/words.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").StageView} StageView */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Origin} Origin */
/** @typedef {import("viewer/model/values.js").Values} Values */
/** @typedef {import("viewer/epochs/epochs.js").Epochs} Epochs */
/** @typedef {import("viewer/state.js").State} State */

const STEP_MS = 55;
const CALM_STEP_MS = 600;
const MOST_SEARCH_MS = 30;
const PLAY = "▶ Slide the window";
/** The layers that look at their input through a window. */
const WINDOWED = /^(Conv|Depthwise|Separable|MaxPooling|AveragePooling)/;

/**
 * @typedef {object} Context what the parts of an opened stage share
 * @property {Document} view
 * @property {Model} model
 * @property {State} state
 * @property {Layer} stage
 * @property {StageView} words
 * @property {(words: StageView) => HTMLElement | null} courses what was measured of a stage after the epochs
 * @property {HTMLElement} after says, where an earlier epoch is chosen, that what follows is of the end
 */

/**
 * @param {Document} view
 * @param {Model} model
 * @param {State} state
 * @param {Epochs} epochs
 * @returns {HTMLElement}
 */
export function explorer(view, model, state, epochs) {
  const large = model.sections.length > 0;
  const panel = h("div", { class: "panel", role: large ? "region" : "tabpanel", "aria-label": "The open stage", id: "panel", tabindex: -1 });
  const words = new Map(view.stages.map((stage) => [stage.name, stage]));
  /** @type {() => void} */
  let redraw = () => {};
  let built = "";
  const keyboard = keptIn(panel);
  const after = afterTraining(state);
  const courses = coursesOf(view, state);
  // The stage, and which of its pictures there are for a row under the weights of an epoch.
  const pictured = (/** @type {Layer} */ stage) =>
    `${stage.name}${model.isComputed(state.at, stage.name) || !model.isWaiting(state.at, stage.name) ? "" : " to come"}: ${[stage.name, ...stage.inputs.map(({ source }) => source), ...model.consumers(stage.name).map(({ name }) => name)].filter((name) => model.output(state.at, name)).join(" ")}`;
  state.watch(["stage", "row", "epoch", "place", "head", "rather", "symbols", "theme"], () => {
    const stage = model.byName.get(state.now.stage);
    const text = words.get(state.now.stage);
    if (!stage || !text) return;
    const found = pictured(stage);
    if (found === built) return redraw();
    built = found;
    keyboard.leaves();
    redraw = opened(panel, { view, model, state, stage, words: text, after, courses });
    redraw();
    keyboard.returns();
  });
  const nearest = h("p", { class: "instead", role: "status" });
  state.watch("epoch", () => (nearest.textContent = instead(model, epochs, state.now.epoch)));
  return h("div", { class: "explorer" }, nearest, large ? overview(view, model, state) : stageTabs(view, model, state), panel);
}

/**
 * The place of the keyboard in a panel that is built anew, such as when the values of another row arrive.
 *
 * @param {HTMLElement} panel
 * @returns {{ leaves: () => void, returns: () => void }} called before and after it is built; until what had the focus is
 *   there again, the panel has it
 */
function keptIn(panel) {
  const name = (/** @type {Element} */ each) => `${each.tagName} ${each.classList[0]} ${each.getAttribute("aria-label") ?? each.textContent}`;
  const named = (/** @type {string} */ wanted) => [.../** @type {NodeListOf<HTMLElement>} */ (panel.querySelectorAll("a, button, input, select, summary, [tabindex]"))].filter((each) => name(each) === wanted);
  /** @type {{ name: string, number: number } | null} */
  let last = null;
  return {
    leaves: () => {
      const active = document.activeElement;
      if (active === panel) return;
      const inside = active instanceof HTMLElement && panel.contains(active) ? active : null;
      last = inside && { name: name(inside), number: named(name(inside)).indexOf(inside) };
    },
    returns: () => {
      if (!last) return;
      const found = named(last.name)[last.number];
      (found ?? panel).focus({ preventScroll: true });
      if (found) last = null;
    },
  };
}

/**
 * Build the panel of a stage.
 *
 * @param {HTMLElement} panel
 * @param {Context} context
 * @returns {() => void} draws it again for the row and the place of the state
 */
function opened(panel, context) {
  const { model, state, stage, words } = context;
  const output = model.output(state.at, stage.name);
  const head = h(
    "div",
    { class: "stagehead" },
    h("h3", {}, words.title, h("small", {}, words.name)),
    h("span", { class: "figures" }, words.input === words.output ? words.output : `${words.input} → ${words.output}`),
    words.parameters && words.parameters !== "0" && h("span", { class: "muted" }, `${words.parameters} parameters`),
  );
  const what = h("p", { class: "what" }, ...explained(words.does));
  if (!output) {
    const why = model.isWaiting(state.at, stage.name) ? COMPUTING : "The output of this stage is not in this page, and not all weights that it takes to compute it.";
    const absent = h("p", { class: "muted" }, why);
    panel.replaceChildren(head, what, absent, ...[context.courses(words)].filter((each) => each !== null), context.after, measured(words, false));
    return () => {};
  }
  const sources = [...new Set(stage.inputs.map(({ source }) => model.byName.get(source)))].filter((each) => each !== undefined);
  const next = nextPicture(context, output);
  const pictures = [
    ...sources.map((source) => pictureOf(context, source, "input")),
    pictureOf(context, stage, "output"),
    ...(next ? [pictureOf(context, next, "next")] : []),
  ].filter((each) => each !== null);
  const origin = h("div", { class: "origin" });
  const looksFor = filter(context, output);
  const tiles = channels(context, output);
  const looks = attention(context);
  const before = addends(context, output);
  const other = whatIf(context, output);
  const weights = otherWeights(context);
  const playing = player(context, output);
  const calculation = h("div", { class: "calc" }, playing.element, output.shape.length > 1 && h("p", { class: "muted" }, "Move over a picture above to choose another value, or use the arrow keys there."), origin);
  panel.replaceChildren(
    head,
    what,
    h("div", { class: "pictures" }, ...pictures.map((each) => each.element)),
    ...(looks ? [looks.element] : []),
    calculation,
    ...[before, weights, other].flatMap((each) => (each ? [each.element] : [])),
    ...(looksFor ? [looksFor.element] : []),
    ...(tiles ? [tiles.element] : []),
    ...[context.courses(words)].filter((each) => each !== null),
    context.after,
    measured(looks ? { ...words, others: [] } : words, true),
  );
  /** @type {{ place: number[], found: Origin | null } | null} */
  let now = null;
  const at = () => {
    const place = placeIn(model, state, stage);
    return (now ??= { place, found: model.origin(state.at, stage, place) });
  };
  const calc = { element: calculation, draw: (/** @type {number[]} */ place, /** @type {Origin | null} */ found) => { playing.draw(place); originOf(origin, context, place, found); } };
  const parts = [...pictures, calc, before, weights, other, looks, looksFor].filter((each) => each !== null).map((each) => whenSeen(each.element, () => each.draw(at().place, at().found), true));
  // The channels have their size before they are painted.
  if (tiles) parts.push(whenSeen(tiles.element, () => tiles.draw(at().place)));
  // One filter is chosen everywhere.
  const follow = () => {
    const place = at().place;
    const kernel = /** @type {HTMLInputElement | undefined} */ (panel.querySelectorAll(".kernels input")[place[place.length - 1]]);
    if (kernel && !kernel.checked) kernel.click();
  };
  panel.querySelector("details.more")?.addEventListener("toggle", follow);
  return () => {
    now = null;
    tiles?.mark(at().place);
    follow();
    for (const draw of parts) draw();
  };
}

/**
 * Where a window that slides starts: where it first covers something else than at the corner, which may be empty.
 *
 * @param {Context} context
 * @param {import("viewer/draw/slice.js").Slice} slice of the output
 * @returns {number} of the cells of the slice
 */
function firstFilled({ model, state, stage }, slice) {
  const here = placeIn(model, state, stage);
  const covered = (/** @type {number} */ cell) => (model.origin(state.at, stage, slice.move(Math.floor(cell / slice.columns), cell % slice.columns, here))?.terms ?? []).map(({ value }) => value).join(" ");
  const [corner, until] = [covered(0), performance.now() + MOST_SEARCH_MS];
  for (let cell = 1; cell < slice.rows * slice.columns && performance.now() < until; cell++) if (covered(cell) !== corner) return cell;
  return 0;
}

/**
 * The heading of the computation, and the button that slides the window over the whole map.
 *
 * @param {Context} context
 * @param {Values} output
 * @returns {{ element: HTMLElement, draw: (place: number[]) => void }}
 */
function player(context, output) {
  const { model, state, stage } = context;
  const at = h("small", {});
  const button = h("button", { type: "button", class: "plain slide", "aria-pressed": "false" }, PLAY);
  let timer = 0;
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = PLAY;
    button.setAttribute("aria-pressed", "false");
  };
  button.addEventListener("click", () => {
    if (timer) return stop();
    button.textContent = "❚❚ Stop";
    button.setAttribute("aria-pressed", "true");
    const slice = sliceOf(output.shape);
    const begun = placeIn(model, state, stage);
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let cell = firstFilled(context, slice);
    const step = () => {
      if (!button.isConnected) return stop();
      if (cell >= slice.rows * slice.columns) {
        stop();
        return state.set("place", begun); // the last cells are often empty
      }
      const here = placeIn(model, state, stage);
      state.set("place", slice.move(Math.floor(cell / slice.columns), cell % slice.columns, here));
      cell += 1;
    };
    timer = window.setInterval(step, calm ? CALM_STEP_MS : STEP_MS);
  });
  const turn = () => state.set("symbols", !state.now.symbols);
  const symbols = h("button", { type: "button", class: "plain", onclick: turn }, "Symbols");
  const slides = output.shape.length > 1 && WINDOWED.test(stage.layer);
  const compare = h("button", { type: "button", class: "plain", onclick: () => state.set("rather", !state.now.rather) });
  return {
    element: h("h3", { class: "calchead" }, "How this value came to be", at, slides && button, compare, symbols),
    draw: (place) => {
      const two = rather(context, place);
      compare.hidden = !two;
      compare.textContent = two ? `${two.names[0]} rather than ${two.names[1]}` : "";
      compare.setAttribute("aria-pressed", String(state.now.rather));
      symbols.setAttribute("aria-pressed", String(state.now.symbols));
      at.textContent = placeName(model, stage, place);
    },
  };
}
