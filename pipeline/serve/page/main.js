// The page: what the address says is shown, and what is shown is in the address.

import { ask, Refused, trouble } from "./api.js";
import { byId, element } from "./element.js";
import { Grid } from "./grid.js";
import { MOST_SHEETS } from "./heights.js";
import { Listing } from "./listing.js";
import { Previews } from "./previews.js";
import { Rail } from "./rail.js";
import { Renderings } from "./renderings.js";
import { Search } from "./search.js";
import { Viewer } from "./viewer.js";
import { counted, whole } from "./words.js";

const COUNTS = 20; // requests for the number of images that meet a filter

let about = null;
let shown = null; // rank of the image in the viewer, where it is known
let listed = null; // filter and order of what the grid shows
const grid = new Grid(byId("grid"), {
  tileUses: { previews: new Previews(() => again()), renderings: new Renderings() },
  open: (row, rank) => open(row, rank),
  href: (row) => address({ image: row.key }),
  tellPlace: (rank) => rail.at(rank),
  goOn: (rank) => grid.listing.total === null || again(rank),
  tellError: (error) => refused(error),
});
const rail = new Rail((rank) => list(rank));
let search = null;
let viewer = null;

const state = () => {
  const said = new URLSearchParams(location.search);
  return { filter: said.get("filter") ?? "", order: said.get("order") ?? "key", image: said.get("image") };
};

function address(changes) {
  const { filter, order, image } = { ...state(), image: null, ...changes };
  const said = Object.entries({ filter, order: order === "key" ? null : order, image }).filter(([, value]) => value);
  return said.length ? `?${new URLSearchParams(said)}` : location.pathname;
}

// ---- the grid ----

async function list(rank = 0) {
  const { filter, order } = state();
  search.set(filter, order);
  const listing = new Listing(filter, order, (looked) => looking(listing, looked));
  try {
    const rows = await grid.show(listing, rank);
    if (!rows) return;
    nothing(null);
    rail.show(listing, listing.sheets > MOST_SHEETS);
    if (rows.length === 0 && (listing.total === 0 || listing.isWhole)) empty(filter);
    await tellCount(listing);
  } catch (error) {
    refused(error);
  }
}

/** Lists anew, from the same place on where that can be told. */
function again(rank = grid.rank) {
  list(grid.listing?.total == null ? 0 : rank);
}

function refused(error) {
  if (error.name === "AbortError") return;
  if (error instanceof Refused && error.status === 400) search.refuse(error);
  else say(error.message);
}

function say(...words) {
  byId("said").replaceChildren(...words);
}

function looking(listing, looked) {
  if (listing === grid.coming && looked) say(`Looked at ${whole(looked.at)} of ${whole(looked.of)} …`);
}

async function tellCount(listing) {
  if (listing.total !== null) {
    say(counted(listing.total, "image"), listing.total === listing.of ? "" : ` of ${whole(listing.of)}`);
    return;
  }
  let [images, looked, after] = [0, 0, null];
  for (let counts = 0; counts < COUNTS; counts++) {
    const count = await ask("count", { filter: listing.filter, after }, { signal: listing.leaving.signal });
    images += count.images;
    looked += count.looked_at;
    after = count.next;
    say(`${whole(images)} of ${counted(count.of, "image")}`, after === null ? "" : `, looked at ${whole(looked)} …`);
    if (after === null) return;
  }
}

function empty(filter) {
  if (filter) {
    const all = element("button", { type: "button", onclick: () => change("", state().order) }, "Show all images");
    nothing(element("h2", {}, "No image meets this filter"), element("p", {}, all));
  } else {
    nothing(element("h2", {}, "No images yet"), element("p", {}, element("code", {}, `tenfold compress photos/ ${about.archive}`), " brings some in; they appear here by themselves."));
    setTimeout(() => state().filter || again(), 15000);
  }
}

function nothing(...words) {
  byId("nothing").hidden = words[0] === null;
  byId("nothing").replaceChildren(...words.filter(Boolean));
}

function change(filter, order) {
  const before = state();
  if (before.filter === filter && before.order === order) return;
  history.pushState(null, "", address({ filter, order }));
  restore();
}

// ---- one image ----

async function open(row, rank) {
  history.pushState({ isAbove: true }, "", address({ image: row.key })); // above the grid: leaving it is going back
  await look(row.key, row, rank);
}

async function look(key, row = null, rank = null) {
  document.title = `${key} · ${name()}`;
  const image = viewer.show(key, state().order, row);
  await place(rank);
  return image;
}

/** Where the image in the viewer stands in the listing, and so which are beside it. */
async function place(rank) {
  shown = rank;
  const beside = rank === null ? [null, null] : await Promise.all([rank - 1, rank + 1].map((one) => grid.row(one).catch(() => null)));
  if (shown === rank) viewer.steps(...beside.map(Boolean));
}

async function go(step) {
  if (shown === null) return;
  const rank = shown + step;
  const row = await grid.row(rank).catch(() => null);
  if (!row || !viewer.key) return;
  history.replaceState(history.state, "", address({ image: row.key }));
  await look(row.key, row, rank);
}

function closed() {
  document.title = name();
  if (state().image === null) return;
  const rank = shown;
  if (history.state?.isAbove) history.back();
  else history.replaceState(null, "", address({}));
  if (rank !== null) grid.reveal(rank).then(() => grid.focused?.link.focus({ preventScroll: true }));
}

const name = () => about.archive.replace(/\/+$/, "").split("/").at(-1) || "Tenfold";

// ---- the beginning ----

/** Shows what the address says. */
async function restore() {
  const { filter, order, image } = state();
  const isListed = listed === `${filter} ${order}`;
  listed = `${filter} ${order}`;
  if (image === null) {
    viewer.close();
    if (!isListed) await list();
    return;
  }
  const told = await look(image);
  const rank = filter ? null : (told?.rank ?? null);
  if (!isListed) await list(rank ?? 0);
  if (viewer.key === image) await place(rank ?? grid.find(image));
}

async function begin() {
  trouble.tell = (words, seconds) => {
    byId("trouble").hidden = words === null;
    byId("trouble").textContent = words && `${words} Trying again in ${seconds} s.`;
  };
  about = await ask("about");
  document.title = name();
  byId("archive").textContent = name();
  search = new Search({ fields: about.fields, orders: about.orders, changed: change });
  viewer = new Viewer({ archive: about.archive, go, closed });
  addEventListener("popstate", restore);
  byId("home").addEventListener("click", (event) => {
    event.preventDefault();
    change("", "key");
  });
  await restore();
}

history.scrollRestoration = "manual";
begin().catch(refused);
