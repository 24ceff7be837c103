// What several parts of the page of a comparison are made of.

import { h } from "viewer/dom.js";
import { grid } from "viewer/outcome.js";

/**
 * @param {import("viewer/document.js").Grid} view
 * @returns {HTMLElement} a table that the keyboard can scroll where it is wider than a phone
 */
export function table(view) {
  const made = grid(view);
  made.tabIndex = 0;
  made.setAttribute("role", "group");
  made.setAttribute("aria-label", view.label);
  return made;
}

/**
 * @param {string} id
 * @param {string} title
 * @param {...import("viewer/dom.js").Child} parts
 * @returns {HTMLElement}
 */
export function section(id, title, ...parts) {
  return h("section", { "aria-labelledby": id }, h("h2", { id }, title), ...parts);
}
