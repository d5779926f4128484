// ThumbHash (https://evanw.github.io/thumbhash/): a picture of 19 to 25 bytes, as pixels to look at until it comes.

const SIDE = 32;
const FADED = 1.25; // rounding takes so much out of differences of colour

/** @returns {ImageData} of SIDE pixels on its longer side */
export function pixelsOf(base64) {
  const hash = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const head = hash[0] | (hash[1] << 8) | (hash[2] << 16);
  const more = hash[3] | (hash[4] << 8);
  const hasAlpha = Boolean(head >> 23);
  const isLandscape = Boolean(more >> 15);
  const most = hasAlpha ? 5 : 7;
  const across = isLandscape ? most : more & 7;
  const down = isLandscape ? more & 7 : most;
  const width = Math.round(SIDE * Math.min(1, across / down)) || 1;
  const height = Math.round(SIDE * Math.min(1, down / across)) || 1;

  let nibble = hasAlpha ? 12 : 10;
  const plane = (columns, rows, mean, scale) => {
    const values = new Float32Array(width * height).fill(mean);
    for (let v = 0; v < rows; v++)
      for (let u = v ? 0 : 1; u * rows < columns * (rows - v); u++, nibble++) {
        const term = (((hash[nibble >> 1] >> ((nibble & 1) * 4)) & 15) / 7.5 - 1) * scale * 2;
        addWave(values, width, height, u, v, term);
      }
    return values;
  };
  const light = plane(Math.max(3, across), Math.max(3, down), (head & 63) / 63, ((head >> 18) & 31) / 31);
  const yellow = plane(3, 3, ((head >> 6) & 63) / 31.5 - 1, (((more >> 3) & 63) / 63) * FADED);
  const red = plane(3, 3, ((head >> 12) & 63) / 31.5 - 1, (((more >> 9) & 63) / 63) * FADED);
  const opaque = hasAlpha ? plane(5, 5, (hash[5] & 15) / 15, (hash[5] >> 4) / 15) : null;

  const image = new ImageData(width, height);
  for (let at = 0; at < light.length; at++) {
    const b = light[at] - (2 / 3) * yellow[at];
    const r = (3 * light[at] - b + red[at]) / 2;
    image.data.set([255 * r, 255 * (r - red[at]), 255 * b, opaque ? 255 * opaque[at] : 255], 4 * at);
  }
  return image;
}

function addWave(values, width, height, u, v, term) {
  for (let y = 0, at = 0; y < height; y++) {
    const row = term * Math.cos((Math.PI / height) * (y + 0.5) * v);
    for (let x = 0; x < width; x++, at++) values[at] += row * Math.cos((Math.PI / width) * (x + 0.5) * u);
  }
}
