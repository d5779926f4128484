// Small pictures that the server has to make of the images themselves: a few at a time, so that nothing waits for them.

import { segment } from "./api.js";

const AT_ONCE = 3; // browsers hold six connections to a server

/** Where a small picture of an image is made, wide enough for a tile on this screen. */
export function rendering(row) {
  return `image/${segment(row.key)}?w=${devicePixelRatio > 1.5 ? 640 : 320}`;
}

export class Renderings {
  constructor() {
    this.wanted = new Set();
    this.running = 0;
  }

  /** Has `tile.load` called when its turn comes; unless `forget` comes first. */
  want(tile) {
    this.wanted.add(tile);
    this.next();
  }

  forget(tile) {
    this.wanted.delete(tile);
  }

  async next() {
    const [tile] = this.wanted;
    if (!tile || this.running >= AT_ONCE) return;
    this.wanted.delete(tile);
    this.running++;
    await tile.load(rendering(tile.row));
    this.running--;
    this.next();
  }
}
