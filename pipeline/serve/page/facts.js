// What is known of an image, for people.

import { segment } from "./api.js";
import { element } from "./element.js";
import { moment, seen, short, size, whole } from "./words.js";

const STATUS = {
  coded: "A picture near the original.",
  lossless: "The same pixels as the original.",
  bounded: "Every sample within a bound of the original.",
  kept: "The original file, byte for byte.",
  failed: "Nothing is stored: its bytes could not be had.",
};

/**
 * @param {{row: object, facts: object, decoders: object[]}} image as `api/images/KEY` tells it
 * @param {(decoder: object|null) => void} choose shows the picture of a decoder; null for the faithful one
 */
export function factsOf({ row, facts, decoders }, archive, choose) {
  return [
    headline(row, facts),
    bars(row),
    element("p", { class: "status" }, element("b", {}, row.status), ` ${STATUS[row.status]}`),
    row.reason ? element("p", { class: "reason" }, row.reason) : null,
    decoders.length ? choice(decoders, choose) : null,
    table(row, facts),
    actions(row, archive),
  ].filter(Boolean);
}

/** One payload, several pictures: what was generated is called so. */
function choice(decoders, choose) {
  const buttons = [null, ...decoders].map((decoder) => {
    const words = decoder ? `${decoder.name}${decoder.generates ? " (generated)" : ""}` : "faithful";
    const title = decoder?.purpose ?? "As near to the original as the bytes allow.";
    const button = element("button", { type: "button", title, "aria-pressed": `${!decoder}` }, words);
    button.addEventListener("click", () => {
      buttons.forEach((other) => other.setAttribute("aria-pressed", other === button));
      choose(decoder);
    });
    return button;
  });
  return element("div", { class: "decoders", role: "group", "aria-label": "Shown by" }, "Shown by", ...buttons);
}

function headline(row, facts) {
  const ratio = facts.times_smaller_than_file;
  if (!ratio) return null;
  const isSmaller = ratio >= 1.05;
  return element(
    "p",
    { class: "headline" },
    element("strong", {}, isSmaller ? `${short(ratio)}×` : size(row.payload_length)),
    element("span", {}, isSmaller ? " smaller than its file" : " as its file was"),
  );
}

/** The file, the file zipped, and what is stored, as lengths. */
function bars(row) {
  const sizes = [["file", row.source_size], ["zip", row.zip_source_bytes], ["here", row.payload_length]].filter(([, bytes]) => bytes);
  const most = Math.max(...sizes.map(([, bytes]) => bytes));
  if (sizes.length < 2) return null;
  return element(
    "dl",
    { class: "bars" },
    ...sizes.map(([name, bytes]) => {
      const bar = element("i", { "aria-hidden": "true" });
      bar.style.width = `${Math.max(0.5, (100 * bytes) / most)}%`;
      return element("div", { class: name }, element("dt", {}, name), element("dd", {}, bar, element("span", {}, size(bytes))));
    }),
  );
}

function table(row, facts) {
  const [width, height] = seen(row);
  const known = [
    ["size", width ? `${whole(width)} × ${whole(height)}, ${short(facts.megapixels)} MP` : null],
    ["PSNR", row.psnr_db !== null ? `${row.psnr_db.toFixed(2)} dB` : null],
    ["MS-SSIM", row.ms_ssim !== null ? row.ms_ssim.toFixed(4) : null],
    ["bits a pixel", row.bpp !== null ? row.bpp.toFixed(3) : null],
    ["codec", row.codec ? `${row.codec}, quality ${row.quality}${row.effort ? `, effort ${row.effort}` : ""}` : row.packing],
    ["format", [row.source_format, row.mode, row.bit_depth ? `${row.bit_depth} bit` : null].filter(Boolean).join(", ")],
    ["encoded", moment(row.encoded_at)],
    ["file changed", row.source_mtime ? moment(row.source_mtime) : null],
    ["run", row.run],
  ].filter(([, value]) => value);
  return element("dl", { class: "table" }, ...known.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

function actions(row, archive) {
  const key = segment(row.key);
  const python = `from tenfold import Archive\n\npicture = Archive(${JSON.stringify(archive)}).get(${JSON.stringify(row.key)})\n`;
  const copies = [copy("Copy as Python", python), copy("Copy link", location.href)];
  const isStored = row.status !== "failed";
  const has = row.width !== null && isStored;
  const links = [
    isStored && ["kept", "bounded"].includes(row.status) ? link("Original file", `raw/${key}`) : null,
    has ? link("PNG", `image/${key}?format=png`) : null,
    has ? link("JPEG", `image/${key}?format=jpeg`) : null,
    has ? link("IIIF", `iiif/3/${key}/info.json`) : null,
    has ? link("IIIF manifest", `manifest/${key}`) : null,
    link("Row as JSON", `api/images/${key}`),
  ];
  return element("div", { class: "actions" }, element("p", {}, ...copies), element("p", {}, ...links.filter(Boolean)));
}

function link(words, href) {
  return element("a", { href, target: "_blank", rel: "noopener" }, words);
}

function copy(words, text) {
  const button = element("button", { type: "button", onclick: () => copied(button, words, text) }, words);
  return button;
}

async function copied(button, words, text) {
  let isDone = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    isDone = copiedByHand(button, text); // without HTTPS browsers give no clipboard
  }
  button.textContent = isDone ? "Copied" : "Not allowed here";
  setTimeout(() => (button.textContent = words), 1500);
}

function copiedByHand(button, text) {
  const area = element("textarea", { class: "unseen", readonly: true });
  area.value = text;
  button.after(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  button.focus();
  return isDone;
}
