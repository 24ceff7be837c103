// The findings with their evidence, and their marks at the stages and epochs that they concern.

import { h } from "viewer/dom.js";

/** @typedef {import("viewer/document.js").Document} Document */
/** @typedef {import("viewer/document.js").FindingView} FindingView */
/** @typedef {import("viewer/document.js").Link} Link */
/** @typedef {import("viewer/document.js").Mark} Mark */
/** @typedef {import("viewer/dom.js").Child} Child */

/**
 * @param {Document} view
 * @returns {HTMLElement | null} a line if nothing was found
 */
export function findings({ findings: view }) {
  if (!view.found.length && !view.failed.length) return view.title ? h("p", { class: "muted sound", id: "findings" }, `${view.title}.`) : null;
  return h(
    "section",
    { class: "findings", "aria-labelledby": "findings" },
    h("h2", { id: "findings" }, "Findings", h("small", {}, view.title)),
    h("ol", {}, ...view.found.map((each) => h("li", {}, finding(each)))),
    ...view.failed.map((text) => h("p", { class: "notice" }, text)),
  );
}

/**
 * The findings at a stage or an epoch, each with a link to it.
 *
 * @param {Mark[]} found
 * @returns {HTMLElement[]}
 */
export function marks(found) {
  return found.map((mark) =>
    h(
      "p",
      { class: `mark ${mark.level}` },
      h("span", { class: "level" }, mark.level),
      " ",
      h("a", { href: `#${mark.id}` }, mark.rule),
      ` ${mark.text}`,
    ),
  );
}

/**
 * @param {FindingView} view
 * @returns {HTMLElement}
 */
function finding(view) {
  /** @type {[string, Child][]} */
  const rows = [
    ["Evidence", view.evidence.length > 0 && h("dd", {}, view.evidence.join(" "))],
    ["Why it matters", h("dd", {}, view.why)],
    ["Fix", h("dd", {}, view.advice, view.change && h("pre", {}, view.change))],
    ["Confidence", view.sure && h("dd", {}, `${view.sure}.`)],
    ["Root cause of", view.symptoms.length > 0 && h("dd", {}, h("ul", {}, ...view.symptoms.map(symptom)))],
  ];
  return h(
    "article",
    { id: view.id, class: `finding ${view.level}`, tabindex: -1 },
    h("h3", {}, ...heading(view)),
    h("p", {}, view.text),
    h("dl", { class: "facts" }, ...rows.flatMap(([name, text]) => (text ? [h("dt", {}, name), text] : []))),
  );
}

/**
 * A finding that another one causes, in short.
 *
 * @param {FindingView} view
 * @returns {HTMLElement}
 */
function symptom(view) {
  return h("li", { id: view.id, class: view.level, tabindex: -1 }, ...heading(view), `: ${view.text}`);
}

/**
 * @param {FindingView} view
 * @returns {Child[]}
 */
function heading(view) {
  return [
    h("span", { class: "level" }, view.level),
    " ",
    h("span", { class: "rule" }, view.rule),
    view.places.length > 0 && " ",
    view.places.length > 0 && h("small", {}, ...view.places.flatMap((each, index) => [index > 0 && ", ", place(each)])),
  ];
}

/**
 * @param {Link} link
 * @returns {HTMLElement | string}
 */
function place(link) {
  return link.id ? h("a", { href: `#${link.id}` }, link.text) : link.text;
}
