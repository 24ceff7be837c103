// A group of buttons that is one tab stop: the arrow keys move inside it.

/**
 * Let the arrow keys go to the nearest button of a group.
 *
 * @param {Element} group
 * @param {(button: HTMLElement) => void} [reached] called with the button that was gone to
 */
export function rove(group, reached = (button) => void button.dispatchEvent(new MouseEvent("click", { bubbles: true }))) {
  group.addEventListener("keydown", (/** @type {any} */ event) => {
    const way = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[/** @type {string} */ (event.key)];
    const from = document.activeElement;
    if (!way || !from || from === group || !group.contains(from)) return;
    event.preventDefault();
    const start = from.getBoundingClientRect();
    let [best, least] = [/** @type {HTMLElement | null} */ (null), Infinity];
    for (const button of /** @type {NodeListOf<HTMLElement>} */ (group.querySelectorAll("button, [role=button]"))) {
      const box = button.getBoundingClientRect();
      const [x, y] = [box.x - start.x, box.y - start.y];
      const along = x * way[0] + y * way[1];
      const aside = Math.abs(x * way[1]) + Math.abs(y * way[0]);
      if (along > 2 && along + 4 * aside < least) [best, least] = [button, along + 4 * aside];
    }
    if (!best) return;
    tabStop(group, best);
    best.focus();
    reached(best);
  });
}

/**
 * @param {Element} group
 * @param {Element | null} chosen the button that Tab goes to; the first when left out
 */
export function tabStop(group, chosen) {
  const buttons = [...group.querySelectorAll("button, [role=button]")];
  const stop = chosen ?? buttons[0];
  for (const button of buttons) {
    const index = button === stop ? "0" : "-1";
    if (button.getAttribute("tabindex") !== index) button.setAttribute("tabindex", index);
  }
}
