// Weights that the reader changed, in memory only: under them, nothing that follows from them counts as recorded.

/** @typedef {import("viewer/model/layers.js").Layer} Layer */
/** @typedef {import("viewer/model/layers.js").Weights} Weights */
/** @typedef {import("viewer/model/model.js").Model} Model */

export class Edits {
  /** @param {Model} model */
  constructor(model) {
    this.model = model;
    /** @type {Map<number, { weights: Map<string, Weights | null>, reached: Set<string>, places: Set<string> }>} by epoch: all
     *  weights, the stages whose outputs follow from the changed ones, and which these are */
    this.found = new Map();
    /** How often a weight was changed or restored. */
    this.count = 0;
    /** @type {Map<number, number>} what `count` was when the weights of an epoch changed last */
    this.changedAt = new Map();
    /** How often the recorded weights were restored. */
    this.restored = 0;
  }

  /**
   * @param {number} epoch
   * @returns {Map<string, Weights | null> | undefined} all weights, by stage, where one of them was changed
   */
  weights(epoch) {
    return this.found.get(epoch)?.weights;
  }

  /**
   * @param {number} epoch
   * @param {string} stage
   * @returns {boolean} whether what a stage gives follows from a changed weight
   */
  reach(epoch, stage) {
    return this.found.get(epoch)?.reached.has(stage) ?? false;
  }

  /** @returns {{ epoch: number, weights: number }[]} how many weights are changed, by epoch */
  get all() {
    return [...this.found].map(([epoch, { places }]) => ({ epoch, weights: places.size }));
  }

  /**
   * @param {number} asked
   * @param {Layer} stage
   * @param {string} name such as "kernel"
   * @param {number} place of the weight among the values of that
   * @param {number} value that it has from now on, under the weights after one epoch
   */
  change(asked, stage, name, place, value) {
    const { model } = this;
    const epoch = model.nearest(asked);
    const weights = new Map(model.weightsAfter(epoch));
    const { reached, places } = this.found.get(epoch) ?? { reached: new Set(), places: new Set() };
    // A layer that is called several times has its weights once.
    const owner = model.owners.get(stage.name);
    for (const each of model.stages) {
      const before = weights.get(each.name);
      if (model.owners.get(each.name) !== owner || !before?.[name]) continue;
      const data = before[name].data.slice();
      data[place] = value;
      weights.set(each.name, { ...before, [name]: { ...before[name], data } });
      this.follow(each.name, reached);
    }
    places.add(`${owner}/${name} ${place}`);
    this.found.set(epoch, { weights, reached, places });
    this.changed([epoch]);
  }

  /** Go back to the recorded weights. */
  restore() {
    const epochs = [...this.found.keys()];
    this.found.clear();
    this.restored += 1;
    this.changed(epochs);
  }

  /** @param {readonly number[]} epochs whose weights are others now */
  changed(epochs) {
    this.count += 1;
    for (const epoch of epochs) this.changedAt.set(epoch, this.count);
    this.model.forget((key) => epochs.includes(Number(key.split(" ")[1])));
  }

  /**
   * @param {string} stage
   * @param {Set<string>} reached the stage and all that its output goes into are added to it
   */
  follow(stage, reached) {
    if (reached.has(stage)) return;
    reached.add(stage);
    for (const { name } of this.model.consumers(stage)) this.follow(name, reached);
  }
}
