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

/** @type {WeakMap<Element, (near: boolean) => void>} */
const watched = new WeakMap();
const sight = new IntersectionObserver((entries) => entries.forEach(({ target, isIntersecting }) => watched.get(target)?.(isIntersecting)), { rootMargin: "300px" });
window.addEventListener("beforeprint", () => document.querySelectorAll("[data-stale]").forEach((element) => watched.get(element)?.(true)));

/**
 * Draw an element only while it is in view, or near it, and else when it comes there, so that what is looked at does not
 * wait for the rest of the page. Paper shows everything.
 *
 * @param {Element} element which has one such function
 * @param {() => void} draw
 * @param {boolean} [near] whether it counts as in view until that is known: it is then drawn at the start, so that
 *   nothing below it moves later
 * @returns {() => void} to be called when what it shows is another now
 */
export function whenSeen(element, draw, near = false) {
  let stale = false;
  watched.set(element, (now) => {
    near = now;
    if (!near || !stale) return;
    stale = false;
    element.removeAttribute("data-stale");
    draw();
  });
  sight.observe(element);
  return () => {
    if (near) return draw();
    if (!stale) element.setAttribute("data-stale", "");
    stale = true;
  };
}

const SLICE_MS = 8;
const LATEST_MS = 500;

/**
 * Do a part of a longer work when the page has nothing else to do, so that it slows down nothing that is looked at.
 *
 * @param {(ms: number) => void} work called with the time that it may take
 */
export function whenIdle(work) {
  // Not all browsers have it.
  if (!window.requestIdleCallback) return void setTimeout(() => work(SLICE_MS));
  requestIdleCallback((deadline) => work(deadline.didTimeout ? SLICE_MS : Math.min(SLICE_MS, deadline.timeRemaining())), { timeout: LATEST_MS });
}
