// The page: reads the document, builds the sections, and goes to the place that the address or the quiz names.

import { h } from "viewer/dom.js";
import { findings } from "viewer/findings.js";
import { flow } from "viewer/flow.js";
import { prediction } from "viewer/prediction.js";
import { answers, quiz } from "viewer/quiz.js";
import { State } from "viewer/state.js";
import { training } from "viewer/training.js";

/** @typedef {import("viewer/document.js").Document} Document */

export function start() {
  /** @type {Document} */
  const view = data("document");
  const colormaps = data("colormaps");
  const state = new State(view.quiz.length);
  document.getElementById("app")?.append(
    ...[
      head(view),
      h(
        "main",
        {},
        findings(view),
        flow(view, colormaps),
        training(view, state),
        prediction(view, colormaps),
        quiz(view, state, visit),
        insight(view),
      ),
      foot(view),
    ],
  );
  if (location.hash.length > 1) visit(asked());
  window.addEventListener("hashchange", () => visit(asked()));
  // Paper shows everything expanded.
  window.addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) {
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
 * The place that the address names.
 *
 * @returns {string}
 */
function asked() {
  const name = location.hash.slice(1);
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
  history.replaceState(null, "", `#${id}`);
  place.scrollIntoView({ block: "start" });
  const target = place instanceof HTMLDetailsElement ? place.querySelector("summary") : place;
  target?.focus({ preventScroll: true });
}

/**
 * @param {Document} view
 * @returns {HTMLElement}
 */
function head(view) {
  return h(
    "header",
    {},
    h("div", { class: "top" }, h("h1", {}, view.title), h("p", { class: "framework" }, view.framework), theme()),
    h("p", { class: "muted" }, [view.kind, ...view.facts].join(" · ")),
    h("p", { class: "headline" }, view.headline),
    view.events.length > 0 && h("ul", { class: "events" }, ...view.events.map((event) => h("li", {}, event))),
    h("p", { class: "muted" }, view.data),
    view.notice && h("p", { class: "notice" }, view.notice),
  );
}

/**
 * A button that switches between light and dark. Until it is used, the page follows the system.
 *
 * @returns {HTMLElement}
 */
function theme() {
  const root = document.documentElement;
  const dark = () =>
    root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const button = h("button", {
    type: "button",
    class: "theme",
    onclick: () => {
      root.dataset.theme = dark() ? "light" : "dark";
      label();
    },
  });
  const label = () => {
    button.textContent = dark() ? "Light" : "Dark";
    button.setAttribute("aria-label", dark() ? "Show in light colours" : "Show in dark colours");
  };
  label();
  return button;
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
 * @returns {HTMLElement}
 */
function foot(view) {
  return h(
    "footer",
    {},
    h("h2", {}, "About this trace"),
    h("dl", { class: "facts" }, ...view.foot.flatMap((fact) => [h("dt", {}, fact.name), h("dd", {}, fact.text)])),
    view.quiz.length > 0 && h("p", { class: "printed muted" }, `Answers of the quiz: ${answers(view.quiz)}.`),
  );
}
