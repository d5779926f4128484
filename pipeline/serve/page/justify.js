// Images of any shape in rows of one width, every row filled, all nearly as high as wished: where each lies, and no more.

const NARROWEST = 0.45;
const WIDEST = 3.2; // beyond these, the tile shows the middle

/**
 * @param {number[]} shapes width by height of each image
 * @param {{width: number, height: number, gap: number, isLast: boolean}} room height: of a row, about; isLast: whether
 *   the last row may end early
 * @returns {{boxes: {left: number, top: number, width: number, height: number, row: number}[], height: number}}
 */
export function justify(shapes, { width, height, gap, isLast }) {
  const wide = shapes.map((shape) => Math.min(Math.max(shape, NARROWEST), WIDEST));
  const boxes = [];
  let top = 0;
  let row = 0;
  for (const [begin, end] of rowsOf(wide, { width, height, gap, isLast })) {
    const sum = total(wide, begin, end);
    const free = width - gap * (end - begin - 1);
    const isShort = isLast && end === wide.length && free / sum > height * 1.25;
    const rowHeight = isShort ? height : free / sum;
    let left = 0;
    for (let at = begin; at < end; at++) {
      const isEdge = at === end - 1 && !isShort;
      const tile = isEdge ? width - left : Math.round(wide[at] * rowHeight);
      boxes.push({ left, top, width: tile, height: Math.round(rowHeight), row });
      left += tile + gap;
    }
    top += Math.round(rowHeight) + gap;
    row++;
  }
  return { boxes, height: top };
}

/** The breaks with the least sum of squares of how far rows are from the height that is wished for. */
function rowsOf(wide, { width, height, gap, isLast }) {
  const cost = [0];
  const from = [0];
  for (let end = 1; end <= wide.length; end++) {
    cost[end] = Infinity;
    for (let begin = end - 1, sum = 0; begin >= 0; begin--) {
      sum += wide[begin];
      const high = (width - gap * (end - begin - 1)) / sum;
      const isShort = isLast && end === wide.length && high > height;
      const off = isShort ? 0.1 : Math.log(high / height);
      const whole = cost[begin] + off * off;
      if (whole < cost[end]) [cost[end], from[end]] = [whole, begin];
      if (high < height / 3) break;
    }
  }
  const rows = [];
  for (let end = wide.length; end > 0; end = from[end]) rows.unshift([from[end], end]);
  return rows;
}

function total(wide, begin, end) {
  let sum = 0;
  for (let at = begin; at < end; at++) sum += wide[at];
  return sum;
}
