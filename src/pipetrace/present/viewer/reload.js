// The page of a training that still runs loads itself again, and comes back to where its reader was.

import { h } from "viewer/dom.js";

/** @typedef {import("viewer/state.js").State} State */

const MOST_FRAMES = 120;
const REST_SECONDS = 2;

/**
 * Whether the page has just loaded itself again; it is then where its reader was.
 *
 * @returns {boolean}
 */
export function returned() {
  const at = history.state?.scroll;
  if (typeof at !== "number") return false;
  history.replaceState(null, "");
  // What is drawn a moment later makes the page longer.
  const go = (/** @type {number} */ left) => {
    scrollTo({ top: at, behavior: "instant" });
    if (left && Math.abs(scrollY - at) > 1) requestAnimationFrame(() => go(left - 1));
  };
  go(MOST_FRAMES);
  return true;
}

/**
 * @param {State} state
 * @returns {HTMLElement | null} says so, with a button that stops it; null for a page that does not change
 */
export function reloading(state) {
  const { reload, changes, home } = document.documentElement.dataset;
  const says = h("span", { role: "status" });
  const button = h("button", { type: "button", class: "plain", onclick: () => state.set("reload", !state.now.reload) });
  if (reload) byTime(state, Number(reload), says, button);
  if (changes) byEvents(state, changes, says, button);
  const back = home && h("a", { href: home }, "All runs");
  if (!reload && !changes) return back ? h("p", { class: "served" }, back) : null;
  return h("p", { class: "notice" }, says, button, back && " ", back);
}

/**
 * @param {State} state
 * @param {number} seconds
 * @returns {() => boolean} whether loading the page again takes nothing from its reader: no answer, nothing under the pointer
 */
function resting(state, seconds) {
  let used = 0;
  for (const kind of ["pointermove", "pointerdown", "keydown", "wheel"]) addEventListener(kind, () => (used = Date.now()), { passive: true });
  return () => Date.now() - used > 1000 * seconds && state.now.answers.every((answer) => answer === null);
}

function again() {
  history.replaceState({ scroll: scrollY }, "");
  location.reload();
}

/**
 * A page on disk, which is loaded again every few seconds.
 *
 * @param {State} state
 * @param {number} seconds
 * @param {HTMLElement} says
 * @param {HTMLElement} button
 */
function byTime(state, seconds, says, button) {
  const rests = resting(state, seconds);
  setInterval(() => state.now.reload && rests() && again(), 1000 * seconds);
  state.watch("reload", () => {
    const { reload } = state.now;
    says.textContent = reload
      ? `The training was still running when this page was written. The page loads itself every ${seconds} seconds; write it again to see more. `
      : "The training was still running when this page was written. ";
    button.textContent = reload ? "Stop reloading" : `Reload every ${seconds} seconds`;
  });
}

/**
 * A page of a server, which says when there is more.
 *
 * @param {State} state
 * @param {string} address of the events
 * @param {HTMLElement} says
 * @param {HTMLElement} button
 */
function byEvents(state, address, says, button) {
  const { version } = document.documentElement.dataset;
  const rests = resting(state, REST_SECONDS);
  let [isThere, isNewer] = [true, false];
  const tell = () => {
    const { reload } = state.now;
    const follows = reload ? "The training is running, and this page follows it. " : "The training was still running. ";
    says.textContent = !isThere ? "The server cannot be reached; the page waits for it. " : isNewer ? "There is more to see. " : follows;
    button.textContent = reload ? "Stop following" : "Follow it";
  };
  const load = async () => {
    if (!isNewer || !state.now.reload || document.hidden || !rests()) return;
    // A server that has just ended would leave an empty page.
    const answer = await fetch(location.href, { method: "HEAD" }).catch(() => null);
    if (answer?.ok) again();
  };
  /** @type {EventSource | null} */
  let source = null;
  const listen = () => {
    source?.close();
    source = null;
    if (document.hidden) return; // a browser has few connections to one server
    source = new EventSource(address);
    source.addEventListener("state", (event) => {
      [isThere, isNewer] = [true, event.data !== version];
      tell();
      load();
    });
    source.onerror = () => {
      isThere = false;
      tell();
      // The browser itself asks again, unless it was answered with an error.
      if (source?.readyState === EventSource.CLOSED) setTimeout(listen, 1000 * REST_SECONDS);
    };
  };
  listen();
  document.addEventListener("visibilitychange", listen);
  setInterval(load, 1000 * REST_SECONDS);
  state.watch("reload", () => {
    tell();
    load();
  });
}
