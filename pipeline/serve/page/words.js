// Numbers, sizes and moments in words.

const UNITS = [["GB", 1e9], ["MB", 1e6], ["kB", 1e3], ["B", 1]];

export const whole = (number) => number.toLocaleString("en");

export const counted = (number, what) => `${whole(number)} ${what}${number === 1 ? "" : "s"}`;

/** 98.3 kB */
export function size(bytes) {
  const [unit, one] = UNITS.find(([, least]) => bytes >= least) ?? UNITS.at(-1);
  return `${(bytes / one).toLocaleString("en", { maximumSignificantDigits: 3 })} ${unit}`;
}

/** 12.4 */
export const short = (number) => number.toLocaleString("en", { maximumSignificantDigits: 3 });

/** 28 Nov 2026, 20:15 */
export const moment = (iso) =>
  new Date(iso).toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

/** Width and height as they are seen: an orientation of 5 and more lies on its side. */
export function seen(row) {
  return row.orientation >= 5 ? [row.height, row.width] : [row.width, row.height];
}

/** What a list in some order shows of an image beside its name. */
export function told(row, order) {
  if (row.status === "failed") return "failed";
  if (order === "newest") return moment(row.encoded_at);
  if (order === "largest") return size(row.payload_length);
  if (order === "bits" && row.bpp !== null) return `${row.bpp.toFixed(2)} bits a pixel`;
  if (row.psnr_db !== null) return `${row.psnr_db.toFixed(1)} dB`;
  return row.status;
}
