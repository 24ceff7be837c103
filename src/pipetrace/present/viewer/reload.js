// The page of a training that still runs loads itself again, and comes back to where its reader was.

import { h } from "viewer/dom.js";

/** @typedef {import("viewer/state.js").State} State */

const MOST_FRAMES = 120;

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
  const seconds = Number(document.documentElement.dataset.reload);
  if (!seconds) return null;
  let used = 0;
  for (const kind of ["pointermove", "pointerdown", "keydown", "wheel"]) addEventListener(kind, () => (used = Date.now()), { passive: true });
  // Nobody loses an answer, or what is under the pointer.
  const rests = () => Date.now() - used > 1000 * seconds && state.now.answers.every((answer) => answer === null);
  const again = () => {
    if (!state.now.reload || !rests()) return;
    history.replaceState({ scroll: scrollY }, "");
    location.reload();
  };
  setInterval(again, 1000 * seconds);
  const says = h("span", { role: "status" });
  const button = h("button", { type: "button", class: "plain", onclick: () => state.set("reload", !state.now.reload) });
  state.watch("reload", () => {
    const { reload } = state.now;
    says.textContent = reload
      ? `The training was still running when this page was written. The page loads itself every ${seconds} seconds; write it again to see more. `
      : "The training was still running when this page was written. ";
    button.textContent = reload ? "Stop reloading" : `Reload every ${seconds} seconds`;
  });
  return h("p", { class: "notice" }, says, button);
}
