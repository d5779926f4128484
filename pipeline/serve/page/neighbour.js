// Where an arrow of the keyboard leads from a tile.

/** The tile beside another: the next one, or in the next row the one that lies most nearly below. */
export function neighbour(tiles, tile, key) {
  const at = tiles.indexOf(tile);
  if (key === "ArrowLeft") return tiles[at - 1];
  if (key === "ArrowRight") return tiles[at + 1];
  if (key === "ArrowUp") return nearest(tile, tiles.slice(0, at).reverse());
  if (key === "ArrowDown") return nearest(tile, tiles.slice(at + 1));
  return undefined;
}

/** Of the first row among others that is not the tile's own. */
function nearest(tile, others) {
  const from = boxOf(tile);
  const line = others.map(boxOf).find((box) => box.top !== from.top)?.top;
  const away = (other) => Math.abs(middle(boxOf(other)) - middle(from));
  return others.filter((other) => boxOf(other).top === line).sort((one, other) => away(one) - away(other))[0];
}

const boxOf = (tile) => tile.element.getBoundingClientRect();
const middle = (box) => box.left + box.width / 2;
