// The page of a comparison: what differs, the charts of all runs, and the stages of the runs beside each other. One epoch and
// one row are chosen for all of it, and stand in the address with the place that is looked at, the run that a phone shows and
// the theme.

import { mirror } from "viewer/address.js";
import { lineChart } from "viewer/chart.js";
import { section, table } from "viewer/compare/parts.js";
import { oneRow, rowsThatChanged } from "viewer/compare/rows.js";
import { Runs } from "viewer/compare/runs.js";
import { stagesOf } from "viewer/compare/stages.js";
import { epochTable, keyFigures } from "viewer/compare/training.js";
import { h } from "viewer/dom.js";
import { epochsOf } from "viewer/epochs/epochs.js";
import { scrubber } from "viewer/epochs/scrubber.js";
import { followed, theme } from "viewer/head/bar.js";
import { keys } from "viewer/head/keys.js";
import { recolour } from "viewer/image.js";
import { unpacked } from "viewer/model/decode.js";
import { reloading, returned } from "viewer/reload.js";

/** @typedef {import("viewer/document.js").ComparisonView} ComparisonView */
/** @typedef {import("viewer/epochs/epochs.js").Epochs} Epochs */

const FIRST_CHARTS = 2;

export async function start() {
  /** @type {ComparisonView} */
  const view = JSON.parse(document.getElementById("document")?.textContent ?? "null");
  const runs = new Runs(view, (await unpacked("model")) ?? []);
  const { state } = runs;
  state.watch("theme", () => {
    if (state.now.theme) document.documentElement.dataset.theme = state.now.theme;
    recolour();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => state.changed("theme"));
  const before = runs.all.some(({ model }) => model?.epochs.includes(0)) || view.rows?.epochs[0] === 0;
  const epochs = epochsOf(runs.epochs, before, state);
  const [headline, ...more] = view.headline.split(/(?<=\.) /);
  const page = h(
    "div",
    { class: "comparison" },
    h(
      "header",
      { id: "top" },
      h(
        "div",
        { class: "first" },
        h(
          "div",
          {},
          h("p", { class: "kind" }, h("h1", {}, view.title), " · Comparison of runs"),
          reloading(state),
          h("p", { class: "headline" }, headline),
          more.length > 0 && h("p", { class: "remark" }, more.join(" ")),
          view.measured.length > 0 && keyFigures(runs, epochs),
        ),
        view.charts.length > 0 && h("div", { class: "small" }, ...view.charts.slice(0, FIRST_CHARTS).map((chart) => lineChart(chart, state, true, false))),
      ),
    ),
    h(
      "main",
      {},
      section("causes", "What was set differently", view.causes ? table(view.causes) : h("p", {}, "Nothing that was recorded."), view.unknown && h("p", { class: "muted" }, `Not recorded in all runs: ${view.unknown}.`)),
      view.metrics && section("training", "Training", view.charts.length > 0 && h("div", { class: "charts" }, ...view.charts.map((chart, at) => h("div", { class: at < FIRST_CHARTS && "again" }, lineChart(chart, state, true, false)))), epochTable(runs), table(view.metrics)),
      (view.rows || runs.lead) && section("rows", "Rows", chooser(runs), view.rows && rowsThatChanged(runs, view.rows, epochs), oneRow(runs)),
      view.stages.length > 0 && section("stages", "Stage by stage", about(runs), chooser(runs), stagesOf(runs)),
      view.classes && section("classes", `By class: ${view.of_rows} rows`, table(view.classes)),
      section("weights", "Weights", ...view.weights.map((text) => h("p", {}, text))),
      section("runs", "The runs", table(view.runs), view.pages.length > 0 && h("p", {}, ...view.pages.map((page, at) => h("a", { class: "way", href: page }, `Page of ${view.labels[at]}`))), ...view.omitted.flatMap((text, at) => (text ? [h("p", { class: "muted" }, `${view.labels[at]}: ${text}`)] : []))),
    ),
  );
  state.watch("run", () => (page.dataset.run = String(state.now.run)));
  document.getElementById("app")?.replaceChildren(bar(runs, epochs, page), page);
  mirror(runs.lead, state);
  returned();
  window.addEventListener("beforeprint", () => {
    for (const details of /** @type {Iterable<HTMLDetailsElement>} */ (page.querySelectorAll(".otherrows[open]"))) details.open = false;
  });
}

/**
 * @param {Runs} runs
 * @param {Epochs} epochs
 * @param {HTMLElement} page
 * @returns {HTMLElement}
 */
function bar(runs, epochs, page) {
  const { state, view } = runs;
  const links = [...page.querySelectorAll("h2[id]")].map((title) => h("a", { href: `#${title.id}` }, title.textContent));
  const channel = { name: "[ ]", text: "the channel before, the next channel", run: (/** @type {string} */ key) => {
    const step = { "[": -1, "]": 1 }[key];
    if (step) runs.turn(step);
    return step !== undefined;
  } };
  return h(
    "nav",
    { class: "topbar", "aria-label": "The page" },
    h("a", { class: "name", href: "#top" }, view.title),
    h("div", { class: "parts" }, ...links),
    h("div", { class: "controls" }, runs.lead && runs.common.length > 0 && followed(runs.lead, state, "rows"), scrubber(epochs, state), theme(state), keys(null, state, epochs, [channel])),
  );
}

/**
 * @param {Runs} runs
 * @returns {HTMLElement | null} chooses the run whose column is shown where there is room for one
 */
function chooser({ all, state }) {
  if (all.length < 2) return null;
  const buttons = all.map(({ at, label }) => {
    const button = h("button", { type: "button", class: "plain", onclick: () => state.set("run", at) }, label);
    state.watch("run", () => button.setAttribute("aria-pressed", String(state.now.run === at)));
    return button;
  });
  return h("div", { class: "whichrun", role: "group", "aria-label": "The run that is shown" }, "Run ", ...buttons);
}

/**
 * @param {Runs} runs
 * @returns {HTMLElement} what the columns are, and what they do not say
 */
function about({ all, common, view }) {
  const few = view.labels.length > all.length ? ` The columns are those of the first ${all.length} runs.` : "";
  const start = view.same_start ? "" : ` The runs ${view.same_start === null ? "may have begun" : "began"} with other weights, so a filter or unit of one need not correspond to that of another.`;
  const what = common.length ? "The same row after the same epoch in each run. Point at a map to see the same place in all of them." : "No row is kept by all of these runs, so the outputs of a row are not shown.";
  return h("p", { class: "muted" }, `${what} Each stage has one scale for all runs and epochs, and zero is the colour of the paper.${start}${few}`);
}
