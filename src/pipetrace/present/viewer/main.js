// The page: reads the document, builds the sections, and goes to the place that the address or the quiz names.

import { mirror, remember } from "viewer/address.js";
import { h } from "viewer/dom.js";
import { explorer } from "viewer/explore/explorer.js";
import { findings } from "viewer/findings.js";
import { flow } from "viewer/flow.js";
import { bar, theme } from "viewer/head/bar.js";
import { firstScreen } from "viewer/head/first_screen.js";
import { glance } from "viewer/head/glance.js";
import { recolour } from "viewer/image.js";
import { unpacked } from "viewer/model/decode.js";
import { Model } from "viewer/model/model.js";
import { linkTo } from "viewer/modes/lesson.js";
import { modes } from "viewer/modes/modes.js";
import { prediction } from "viewer/prediction.js";
import { answers, quiz } from "viewer/quiz.js";
import { reloading, returned } from "viewer/reload.js";
import { rows } from "viewer/explore/rows.js";
import { changedWeights } from "viewer/explore/weights.js";
import { tryYourOwn } from "viewer/own/own.js";
import { overFeatures } from "viewer/plane/plane.js";
import { rightAndWrong } from "viewer/rows/results.js";
import { State } from "viewer/state.js";
import { epochsOf } from "viewer/epochs/epochs.js";
import { training } from "viewer/epochs/training.js";

/** @typedef {import("viewer/document.js").Document} Document */

const MOST_ON_PAPER = 20;

export async function start() {
  /** @type {Document} */
  const view = data("document");
  const packed = await unpacked("model");
  // Before anything is drawn: what is drawn and not yet in the page would count as out of view.
  const lessons = (await unpacked("lessons")) ?? [];
  const model = packed && new Model(packed);
  const state = new State(view.quiz.length, {
    stage: model ? firstStage(model) : "",
    row: model?.rows.first ?? 0,
    epoch: model?.end ?? view.training.rows.length,
  }, (stage) => model?.byName.get(stage)?.outputs[0]?.shape.at(-1) ?? 0);
  if (model) {
    state.within = (draw) => model.within(draw);
    model.arrived = () => state.changed("row", "epoch");
  }
  // Before all that draws in these colours.
  state.watch("theme", () => {
    if (state.now.theme) document.documentElement.dataset.theme = state.now.theme;
    recolour();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => state.changed("theme"));
  const epochs = epochsOf(view.training.rows.map((row) => row.epoch), model?.epochs.includes(0) || view.training.start.length > 0, state);
  const inside = model && h("div", {}, rows(view, model, state), explorer(view, model, state, epochs));
  const show = () => {
    document.getElementById("panel")?.scrollIntoView({ block: "start" });
    document.getElementById("panel")?.focus({ preventScroll: true });
  };
  const go = (/** @type {string} */ id, /** @type {number | null} */ row = null) => {
    if (id !== "mode") state.set("mode", "visualize");
    const group = view.groups.find((each) => each.id === id);
    const [, named] = /^(?:stage|prediction)\/(.+)$/.exec(id) ?? [];
    const stage = group ? view.stages[group.first]?.name : named;
    if (stage === undefined || !model?.byName.has(stage)) return visit(id);
    if (id.startsWith("prediction/")) state.set("row", state.first.row);
    if (row !== null && model.rows.all.has(row)) state.set("row", row);
    state.open(stage);
    show();
  };
  // What went wrong is read first; notes can wait.
  const urgent = view.findings.found.some((each) => each.level !== "note");
  const page = h(
    "div",
    {},
    ...[
      view.quiz.length > 0 && h("p", { class: "printed who" }, h("span", {}, "Name"), h("span", {}, "Date")),
      firstScreen(view, state, epochs, reloading(state), model !== null, Boolean(packed?.results)),
      h(
        "main",
        {},
        model && glance(view, model, state, epochs, go),
        urgent && findings(view),
        flow(view, inside),
        training(view, model, state, epochs),
        model && overFeatures(model, state, packed.results, epochs, show),
        model && rightAndWrong(packed.results, model, state, show),
        prediction(view, model, state, epochs, packed?.results ?? null),
        model && tryYourOwn(model, state, packed.results),
        !urgent && findings(view),
        quiz(view, state, model, go),
        insight(view),
      ),
      foot(view, state, model?.omitted ?? ""),
    ],
  );
  for (const title of page.querySelectorAll("section > h2[id]")) title.before(linkTo(title.firstChild?.textContent ?? "", () => title.id));
  const { chooser, place } = modes(lessons, model, state, page, go);
  document.getElementById("app")?.replaceChildren(bar(view, model, state, epochs, page, chooser), place, page, ...(model ? [changedWeights(model, state, epochs)] : []));
  mirror(model, state);
  const follow = (/** @type {string} */ hash) => {
    if (/[#&]stage=/.test(hash)) inside?.scrollIntoView();
    else if (hash.length > 1 && !/^#\w+=/.test(hash)) go(decoded(hash));
  };
  if (!returned()) follow(location.hash);
  window.addEventListener("hashchange", ({ newURL }) => follow(new URL(newURL).hash));
  // In the frame of a notebook a link within the page would lead to the notebook.
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a[href^='#']");
    if (!link || location.protocol !== "about:") return;
    event.preventDefault();
    go(decoded(link.getAttribute("href") ?? ""));
  });
  // Paper shows everything expanded, but for the groups of a large model.
  const closed = `details:not([open])${view.stages.length > MOST_ON_PAPER ? ":not(.stages)" : ""}`;
  window.addEventListener("beforeprint", () => {
    // What is drawn when it is first expanded may hold parts that are collapsed.
    for (let found = document.querySelectorAll(closed); found.length; found = document.querySelectorAll(closed))
      for (const details of /** @type {Iterable<HTMLDetailsElement>} */ (found)) {
        details.open = true;
        // The browser sends this event only after printing; contents that wait for it are drawn now.
        details.dispatchEvent(new Event("toggle"));
      }
  });
}

/**
 * @param {string} id
 * @returns {any}
 */
function data(id) {
  return JSON.parse(document.getElementById(id)?.textContent ?? "null");
}

/**
 * @param {Model} model
 * @returns {string} the stage to open first: the first one whose values are computed by windows, or else by weights
 */
function firstStage(model) {
  const weights = (/** @type {import("viewer/model/layers.js").Layer} */ stage) => Object.keys(model.weights.get(stage.name) ?? {});
  const windows = model.stages.find((stage) => /Conv|Attention|LSTM|GRU|RNN|Bidirectional/.test(stage.layer));
  const learned = model.stages.find((stage) => weights(stage).some((name) => /kernel|embeddings/.test(name)));
  const weighted = model.stages.find((stage) => weights(stage).length > 0);
  return (windows ?? learned ?? weighted ?? model.stages[0])?.name ?? "";
}

/**
 * @param {string} hash
 * @returns {string} the place that it names
 */
function decoded(hash) {
  const name = hash.slice(1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name; // a plain percent sign
  }
}

/**
 * Expand, show and focus a place.
 *
 * @param {string} id
 */
function visit(id) {
  const place = document.getElementById(id);
  if (!place) return;
  // The place may be inside several collapsed parts.
  for (let part = place.closest("details"); part; part = part.parentElement?.closest("details") ?? null) part.open = true;
  remember(id);
  place.scrollIntoView({ block: "start" });
  const target = place instanceof HTMLDetailsElement ? place.querySelector("summary") : place;
  target?.focus({ preventScroll: true });
}

/**
 * @param {Document} view
 * @returns {HTMLElement | null}
 */
function insight(view) {
  if (!view.insight.length) return null;
  return h(
    "section",
    { "aria-labelledby": "insight" },
    h("h2", { id: "insight" }, "Key insight"),
    h("blockquote", {}, ...view.insight.map((sentence) => h("p", {}, sentence))),
  );
}

/**
 * @param {Document} view
 * @param {State} state
 * @param {string} omitted what the page lacks
 * @returns {HTMLElement}
 */
function foot(view, state, omitted) {
  const key = answers(view.quiz);
  return h(
    "footer",
    { class: key && "withanswers" },
    h("h2", {}, "About this trace"),
    h("p", { class: "muted" }, [view.framework, view.data].join(". ")),
    h("dl", { class: "facts" }, ...view.foot.flatMap((fact) => [h("dt", {}, fact.name), h("dd", {}, fact.text)]), ...(omitted ? [h("dt", {}, "Not in this page"), h("dd", {}, omitted)] : [])),
    key,
    theme(state, "infoot"),
  );
}
