// Small helpers for building elements; text always goes in as text, never as markup.

/** @typedef {string | Node | null | undefined | false} Child */
/** @typedef {Record<string, string | number | boolean | ((event: any) => void) | null | undefined>} Attributes */

/**
 * An element with attributes, listeners (keys that begin with "on") and children.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  set(element, attributes);
  element.append(...children.filter(given));
  return element;
}

/**
 * An SVG element.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, attributes);
  element.append(...children.filter(given));
  return element;
}

/**
 * A number with its noun.
 *
 * @param {number} number
 * @param {string} noun in the singular
 * @returns {string}
 */
export function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/**
 * @param {Element} element
 * @param {Attributes} attributes
 */
function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
}

/**
 * @param {Child} child
 * @returns {child is string | Node}
 */
function given(child) {
  return child !== null && child !== undefined && child !== false && child !== "";
}

/**
 * Draw an element when it comes into view, and again in view where the state has changed, so that what is looked at does
 * not wait for the rest of the page.
 *
 * @param {HTMLElement} element
 * @param {import("viewer/state.js").State} state
 * @param {import("viewer/state.js").Key[]} keys that it draws
 * @param {() => void} draw
 */
export function whenSeen(element, state, keys, draw) {
  let [seen, stale] = [false, false];
  const redraw = () => {
    if (stale) draw();
    stale = false;
  };
  new IntersectionObserver(
    (entries) => {
      seen = entries[entries.length - 1].isIntersecting;
      if (seen) redraw();
    },
    { rootMargin: "300px" },
  ).observe(element);
  window.addEventListener("beforeprint", redraw);
  state.watch(keys, () => {
    stale = true;
    if (seen) redraw();
  });
}
