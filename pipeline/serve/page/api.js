// The server's answers. While it does not answer, requests wait and try again; everybody who asked is told.

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15000;

/** A request that the server understood and refused. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.start = problem.start ?? null; // of the characters of a filter at which the fault lies
    this.stop = problem.stop ?? null;
  }
}

/** Is called with null when all is well, else with what is wrong and in how many seconds the next try is. */
export const trouble = { tell: () => {} };

/** @returns {Promise<object>} what `api/NAME` answers */
export async function ask(name, asked = {}, { signal } = {}) {
  return (await answer(`api/${name}`, asked, signal)).json();
}

/** @returns {Promise<(Blob|null)[]>} the previews of rows, in their order: null of those that have none */
export async function askPreviews(edition, positions) {
  const bytes = await (await answer("api/previews", { edition, rows: spans(positions) })).arrayBuffer();
  const view = new DataView(bytes);
  const found = [];
  for (let at = 0; at < bytes.byteLength; ) {
    const length = view.getUint32(at, true);
    found.push(length ? new Blob([bytes.slice(at + 4, at + 4 + length)], { type: "image/webp" }) : null);
    at += 4 + length;
  }
  return found;
}

/** A key as one segment of a path. */
export const segment = (key) => encodeURIComponent(key).replace(/^\.{1,2}$/, (dots) => "%2E".repeat(dots.length));

async function answer(path, asked, signal) {
  const given = Object.entries(asked).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const url = given.length ? `${path}?${new URLSearchParams(given)}` : path;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    const response = await fetch(url, { signal }).catch((error) => {
      if (error.name === "AbortError") throw error;
      return null;
    });
    if (response?.ok) {
      trouble.tell(null);
      return response;
    }
    const problem = await response?.json().catch(() => ({}));
    if (response && ![502, 503, 504].includes(response.status)) throw new Refused(response.status, problem);
    const words = problem?.detail ?? "The server does not answer.";
    await waited(words, Number(response?.headers.get("Retry-After")) * 1000 || wait, signal);
  }
}

async function waited(words, wait, signal) {
  for (let left = Math.ceil(wait / 1000); left > 0; left--) {
    trouble.tell(words, left);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    signal?.throwIfAborted();
  }
}

function spans(positions) {
  const found = [];
  for (const position of positions) {
    const last = found.at(-1);
    if (last && last[1] + 1 === position) last[1] = position;
    else found.push([position, position]);
  }
  return found.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}
