// The stages of a large model: a strip of groups, and the stages of the one that is open, or those that were searched for.

import { counted, h } from "viewer/dom.js";
import { rove } from "viewer/explore/rove.js";
import { openStage } from "viewer/explore/place.js";
import { counted as number, dimensions } from "viewer/figures.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").SectionView} SectionView */
/** @typedef {import("viewer/document.js").StageView} StageView */
/** @typedef {import("viewer/model/model.js").Model} Model */
/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/state.js").State} State */

const LARGEST = 44;
const SMALLEST = 4;
const TALLEST = 28;
const MOST_FOUND = 60;

/**
 * @param {Document} view
 * @param {Model} model
 * @param {State} state
 * @returns {HTMLElement}
 */
export function overview(view, model, state) {
  const words = new Map(view.stages.map((stage) => [stage.name, stage]));
  const parts = model.sections.map((section) => part(section, model, words));
  const widest = Math.max(...parts.map(({ side }) => side), 1);
  const most = Math.max(...parts.map(({ parameters }) => parameters), 1);
  const open = (/** @type {Layer | undefined} */ stage) => stage && openStage(model, state, stage);
  const buttons = parts.map(({ section, side, parameters, flagged, stages }) => {
    const size = Math.max(SMALLEST, (LARGEST * side) / widest);
    return h(
      "button",
      { type: "button", title: `${section.name}. ${section.text}`, onclick: () => open(stages.find((stage) => stage.parameters) ?? stages[0]) },
      h("span", { class: "map" }, h("i", { style: `width: ${size}px; height: ${size}px` })),
      h("span", { class: "name" }, ...label(section.name).split(/(?<=_)/).flatMap((part, at) => [at > 0 && h("wbr"), part]), flagged && h("i", { class: "flag", title: "a finding" }, " !")),
      h("span", { class: "held" }, h("i", { style: `height: ${(TALLEST * parameters) / most}px` })),
    );
  });
  const strip = h("div", { class: "strip", role: "group", "aria-label": "Groups of stages" }, ...buttons);
  rove(strip);
  const said = h("span", { class: "muted", role: "status" });
  const members = h("div", { class: "members" });
  const find = h("input", { type: "search", placeholder: "Find a stage, such as conv", "aria-label": "Find a stage" });
  const draw = () => {
    const query = find.value.trim().toLowerCase();
    const chosen = parts.findIndex(({ section }) => section.stages.includes(state.now.stage));
    const matching = parts.map(({ stages }) => stages.filter((stage) => matches(stage, words.get(stage.name), query)));
    buttons.forEach((button, at) => {
      button.hidden = matching[at].length === 0;
      button.setAttribute("aria-pressed", String(at === chosen));
    });
    const shown = buttons.filter((button) => !button.hidden);
    const reached = buttons[chosen]?.hidden === false ? buttons[chosen] : shown[0];
    for (const button of buttons) button.tabIndex = button === reached ? 0 : -1;
    const found = matching.flat();
    said.textContent = query ? `${counted(found.length, "stage")} in ${counted(shown.length, "group")}` : "";
    const focused = members.contains(document.activeElement);
    members.replaceChildren(...(query ? list("Found", "", found.slice(0, MOST_FOUND), found.length) : chosen < 0 ? [] : group(parts[chosen])));
    if (focused) /** @type {HTMLElement | null} */ (members.querySelector("[aria-pressed=true]"))?.focus();
  };
  /**
   * @param {ReturnType<typeof part>} of
   * @returns {HTMLElement[]}
   */
  const group = ({ section, stages }) => list(section.name, section.text, stages, stages.length);
  /**
   * @param {string} title
   * @param {string} text
   * @param {Layer[]} stages
   * @param {number} all
   * @returns {HTMLElement[]}
   */
  const list = (title, text, stages, all) => {
    const channels = Math.max(...stages.map(width), 1);
    const names = stages.map((stage) => {
      const chosen = stage.name === state.now.stage;
      return h("button", { type: "button", class: "bare", "aria-pressed": String(chosen), tabindex: chosen ? 0 : -1, onclick: () => open(stage) }, stage.name);
    });
    if (names[0] && !names.some((button) => button.tabIndex === 0)) names[0].tabIndex = 0;
    const rows = stages.map((stage, at) => row(stage, words.get(stage.name), names[at], width(stage) / channels));
    const table = h(
      "table",
      { class: "terms stagelist" },
      h("thead", {}, h("tr", {}, ...["stage", "name", "shape", "parameters", "channels", "connections"].map((name) => h("th", { scope: "col" }, name)))),
      h("tbody", {}, ...rows),
    );
    rove(table);
    const more = all > stages.length ? `The first ${stages.length} of ${number(all)}.` : "";
    return [h("h3", {}, title), h("p", { class: "muted" }, text, more), h("div", { class: "wide" }, table)];
  };
  find.addEventListener("input", draw);
  find.addEventListener("keydown", (event) => {
    if (event.key === "Enter") /** @type {HTMLElement | null} */ (members.querySelector("button"))?.click();
    if (event.key !== "Escape") return;
    find.value = "";
    draw();
  });
  state.watch("stage", draw);
  return h(
    "div",
    { class: "overview" },
    h("div", { class: "finder" }, find, said),
    h("p", { class: "muted" }, `${counted(view.stages.length, "stage")} in ${counted(parts.length, "group")}. Square: the height and width of the map. Bar: parameters.`),
    strip,
    members,
  );
}

/**
 * @param {SectionView} section
 * @param {Model} model
 * @param {Map<string, StageView>} words
 */
function part(section, model, words) {
  const stages = section.stages.flatMap((name) => model.byName.get(name) ?? []);
  const last = stages[stages.length - 1];
  return {
    section,
    stages,
    side: last ? Math.max(...(last.outputs[0]?.shape.slice(0, -1) ?? []), 1) : 1,
    parameters: stages.reduce((sum, stage) => sum + stage.parameters, 0),
    flagged: section.stages.some((name) => words.get(name)?.findings.length),
  };
}

/**
 * @param {Layer} stage
 * @param {StageView | undefined} words
 * @param {HTMLElement} name
 * @param {number} share of the most channels
 * @returns {HTMLElement}
 */
function row(stage, words, name, share) {
  return h(
    "tr",
    { class: name.getAttribute("aria-pressed") === "true" ? "chosen" : null },
    h("td", {}, words?.title ?? "", words?.findings.length ? h("i", { class: "flag", title: "a finding" }, " !") : null),
    h("td", {}, name),
    h("td", { class: "number" }, dimensions(stage.outputs[0]?.shape ?? [])),
    h("td", { class: "number" }, stage.parameters ? number(stage.parameters) : "–"),
    h("td", { class: "long" }, h("span", { class: "track" }, h("i", { class: "plus", style: `width: ${100 * share}%` }))),
    h("td", { class: "wiring" }, (words?.wiring ?? []).join(" ")),
  );
}

/**
 * @param {Layer} stage
 * @returns {number} its channels
 */
function width(stage) {
  const shape = stage.outputs[0]?.shape ?? [];
  return shape[shape.length - 1] ?? 1;
}

/**
 * @param {Layer} stage
 * @param {StageView | undefined} words
 * @param {string} query in lower case
 * @returns {boolean}
 */
function matches(stage, words, query) {
  return [stage.name, stage.layer, words?.title ?? ""].some((text) => text.toLowerCase().includes(query));
}

/**
 * @param {string} name of a group
 * @returns {string} the end of it, which tells it from the others
 */
function label(name) {
  const [start] = name.split(" to ");
  return start.slice(start.lastIndexOf("/") + 1);
}
