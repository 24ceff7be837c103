// What the browser keeps for this file: what was answered, and what was missed. A frame has no store; then nothing is kept.

export class Kept {
  /** @param {string} name of the file's run */
  constructor(name) {
    this.key = `pipetrace ${location.pathname} ${name}`;
    /** @type {Record<string, any>} */
    this.all = {};
    try {
      this.all = JSON.parse(localStorage.getItem(this.key) ?? "{}") ?? {};
    } catch {
      this.all = {};
    }
  }

  /**
   * @template T
   * @param {string} name
   * @param {T} otherwise
   * @returns {T}
   */
  get(name, otherwise) {
    return this.all[name] ?? otherwise;
  }

  /**
   * @param {string} name
   * @param {any} value
   */
  set(name, value) {
    this.all[name] = value;
    try {
      localStorage.setItem(this.key, JSON.stringify(this.all));
    } catch {
      // It stays until the page is left.
    }
  }
}
