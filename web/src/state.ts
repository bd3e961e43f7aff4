// What is chosen: one usage is one thing, whether it is seen as a point, as a line or as a word in a sentence.
import { batch, computed, effect, signal } from "@preact/signals";
import { type Like, type Packed, type Seen, type Start, type View, server, similarities, unpack } from "./data";

export const start: Start = JSON.parse(document.getElementById("data")!.textContent!);

export type Tab = "map" | "sentence" | "change";
export type Sort = "text" | "left" | "node" | "right" | "meaning" | "sense";

export const view = signal<View | null>(null);
export const loading = signal<string | null>(null);
export const failure = signal<string | null>(null);
export const tab = signal<Tab>("map");
export const layer = signal(0); // index in view.layers
export const colour = signal("sense"); // "sense", or a column of metadata
export const sort = signal<Sort>("text");
export const filter = signal("");
export const group = signal<{ column: string; value: string; sense: number } | null>(null);
export const hovered = signal<number | null>(null);
export const pinned = signal<number | null>(null);
export const lasso = signal<ReadonlySet<number> | null>(null);
export const all = signal(start.live); // all usages in one layer, where there are too many to read them in every layer
export const frame = signal({ x: 0, y: 0, zoom: 1 }); // of the map: its centre, in picture coordinates
const rested = signal(frame.peek()); // where it stood still: browsers refuse to write an address in each frame
let resting = 0;
export const crowd = signal<View | null>(null); // of a word with too many usages to give them all: a sample of them
export const seen = signal<Seen | null>(null); // how densely the usages in sight lie, or which they are
export const labels = signal<Record<string, Record<string, string>>>(start.labels);

export const announce = signal(""); // for screen readers

// ---------------------------------------------------------------- undo

interface Choice {
  pinned: number | null;
  lasso: ReadonlySet<number> | null;
  group: { column: string; value: string; sense: number } | null;
  filter: string;
  labels: Record<string, Record<string, string>>;
}

const past = signal<Choice[]>([]);
export const canUndo = computed(() => past.value.length > 0);

function remember(): void {
  const now = {
    pinned: pinned.value,
    lasso: lasso.value,
    group: group.value,
    filter: filter.value,
    labels: labels.value,
  };
  past.value = [...past.value.slice(-49), now];
}

export function undo(): void {
  const last = past.value.at(-1);
  if (!last) return;
  const before = labels.value;
  batch(() => {
    past.value = past.value.slice(0, -1);
    pinned.value = last.pinned;
    lasso.value = last.lasso;
    group.value = last.group;
    filter.value = last.filter;
    labels.value = last.labels;
  });
  const word = view.value?.word;
  if (word && before[word] !== last.labels[word]) {
    const ids = new Set([...Object.keys(before[word] ?? {}), ...Object.keys(last.labels[word] ?? {})]);
    for (const id of ids) send(word, Number(id), last.labels[word]?.[id] ?? "");
  }
}

// ---------------------------------------------------------------- what is done

export function pin(usage: number | null): void {
  if (usage === pinned.value) return;
  remember();
  pinned.value = usage;
  const found = view.value;
  if (usage !== null && found) {
    const { left, word, right } = found.usages[usage];
    announce.value = `${left.slice(-60)} ${word} ${right.slice(0, 60)}`;
  } else {
    announce.value = "Nothing is selected.";
    if (sort.value === "meaning") sort.value = "text";
  }
}

export function choose(usages: ReadonlySet<number> | null): void {
  remember();
  lasso.value = usages && usages.size ? usages : null;
  announce.value = lasso.value ? `${lasso.value.size} usages are selected.` : "All usages are shown.";
}

export function chooseGroup(next: { column: string; value: string; sense: number } | null): void {
  remember();
  group.value = next;
}

export function search(text: string): void {
  filter.value = text;
}

export function rename(sense: number, name: string): void {
  const word = view.value!.word;
  remember();
  const own = { ...(labels.value[word] ?? {}) };
  if (name.trim()) own[sense] = name.trim();
  else delete own[sense];
  labels.value = { ...labels.value, [word]: own };
  send(word, sense, own[sense] ?? "");
}

function send(word: string, sense: number, name: string): void {
  if (start.live)
    server.label(word, sense, name).catch((error: Error) => {
      failure.value = `The name was not saved: ${error.message}`;
    });
}

export function senseName(sense: number): string {
  const found = view.value;
  if (!found || sense < 0) return "no sense";
  return labels.value[found.word]?.[sense] ?? found.senses.find((each) => each.id === sense)?.name ?? `sense ${sense + 1}`;
}

let asked = 0;

export async function open(word: string, keep = false): Promise<void> {
  const mine = ++asked;
  looks++;
  loading.value = word;
  failure.value = null;
  try {
    const kept = start.pages.find((page) => page.word === word);
    const packed: Packed | undefined = kept ?? (start.live ? await server.word(word, all.value) : undefined);
    if (mine !== asked) return;
    if (!packed) throw new Error(`“${word}” is not in this page.`);
    const found = unpack(packed);
    batch(() => {
      const sameLayers = view.value?.layers.length === found.layers.length;
      view.value = found;
      crowd.value = found.mode === "density" ? found : null;
      seen.value = null;
      past.value = [];
      if (packed.labels) labels.value = { ...labels.value, [word]: packed.labels };
      if (!keep) {
        frame.value = { x: 0, y: 0, zoom: 1 };
        pinned.value = lasso.value = group.value = hovered.value = null;
        filter.value = "";
        sort.value = "text";
        if (!columns.value.includes(colour.value)) colour.value = "sense";
        if (!sameLayers) layer.value = found.reference;
      }
      layer.value = Math.max(0, Math.min(layer.value, found.layers.length - 1));
    });
    announce.value = `${found.total} usages of ${word}.`;
  } catch (error) {
    if (mine === asked) failure.value = (error as Error).message;
  } finally {
    if (mine === asked) loading.value = null;
  }
}

/** Show all usages in one layer, or a sample of them in every layer. */
export function showAll(wanted: boolean): void {
  all.value = wanted;
  if (view.value) void open(view.value.word);
}

let looks = 0;

/** Ask what is in a part of a picture that has too many usages; they are shown as soon as they are few enough. */
export async function look(box: [number, number, number, number], columns: number, rows: number): Promise<void> {
  const sample = crowd.value;
  if (!sample) return;
  const mine = ++looks;
  const [left, bottom, right, top] = box.map(String);
  const only = group.value;
  const asked: Record<string, string> = { word: sample.word, left, bottom, right, top, colour: colour.value };
  if (only?.column) Object.assign(asked, { column: only.column, value: only.value });
  if (only && only.sense >= -1) asked.sense = String(only.sense);
  try {
    const found = await server.seen({ ...asked, columns: String(columns), rows: String(rows) });
    if (mine !== looks) return;
    batch(() => {
      seen.value = found;
      replaceView(found.part ? unpack(found.part) : sample);
    });
    announce.value = found.part ? `${found.part.usages.length} usages are in sight.` : `${found.count} usages are in sight, as density.`;
  } catch (error) {
    if (mine === looks) failure.value = (error as Error).message;
  }
}

/** Show other usages of the same word; what is selected stays so, where it is among them. */
function replaceView(next: View): void {
  const before = view.value;
  if (!before || before === next) return;
  const number = waiting ?? (pinned.value === null ? null : before.usages[pinned.value]?.number);
  const place = next.usages.findIndex((usage) => usage.number === number);
  view.value = next;
  pinned.value = place < 0 ? null : place;
  waiting = null;
  hovered.value = lasso.value = null;
  past.value = past.value.map((choice) => ({ ...choice, pinned: null, lasso: null })); // they were of other usages
}

let waiting: number | null = null; // the usage that the address names, until it is here

// ---------------------------------------------------------------- what follows

/** Columns of metadata with few enough values to colour and to filter by. */
export const columns = computed(() => {
  const found = view.value;
  if (!found || !found.usages.length) return ["sense"];
  return ["sense", ...Object.keys(found.usages[0].meta)];
});

export const valueOf = (usage: number, column: string): string => {
  const found = view.value!.usages[usage];
  return column === "sense" ? String(found.sense) : (found.meta[column] ?? "");
};

/** Values of the column that colours, most frequent first, with their counts. */
export const values = computed(() => {
  const found = view.value;
  if (!found) return [];
  if (crowd.value) return seen.value?.values ?? [];
  const counts = new Map<string, number>();
  for (let usage = 0; usage < found.usages.length; usage++) {
    const value = valueOf(usage, colour.value);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const listed = [...counts];
  if (colour.value === "sense") return listed.sort((a, b) => order(a[0]) - order(b[0]));
  return listed.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
});

/** How many values of that column are not among them. */
export const moreValues = computed(() => (crowd.value ? (seen.value?.more ?? 0) : 0));

const order = (sense: string) => (Number(sense) < 0 ? Infinity : Number(sense));

/** Usages that pass the filter and the selection, in the order asked for. */
export const shown = computed<number[]>(() => {
  const found = view.value;
  if (!found) return [];
  const asked = filter.value.trim().toLocaleLowerCase();
  const only = group.value;
  const numbers: number[] = [];
  for (let usage = 0; usage < found.usages.length; usage++) {
    const { left, word, right, document, sense, meta } = found.usages[usage];
    if (lasso.value && !lasso.value.has(usage)) continue;
    if (only && ((only.column && (meta[only.column] ?? "") !== only.value) || (only.sense >= -1 && sense !== only.sense)))
      continue;
    if (asked && !`${left}${word}${right} ${document}`.toLocaleLowerCase().includes(asked)) continue;
    numbers.push(usage);
  }
  return sorted(found, numbers);
});

function sorted(found: View, numbers: number[]): number[] {
  const compare = new Intl.Collator(undefined, { sensitivity: "base", numeric: true }).compare;
  const key = (text: string) => text.replace(/[^\p{L}\p{N}\s]/gu, " ").trim();
  const by = (keys: string[]) => numbers.sort((a, b) => compare(keys[a], keys[b]) || a - b);
  switch (sort.value) {
    case "left":
      return by(found.usages.map((usage) => key(usage.left).split(/\s+/u).reverse().slice(0, 3).join(" ")));
    case "right":
      return by(found.usages.map((usage) => key(usage.right).split(/\s+/u).slice(0, 3).join(" ")));
    case "node":
      return by(found.usages.map((usage) => usage.word));
    case "sense":
      return numbers.sort((a, b) => order(String(found.usages[a].sense)) - order(String(found.usages[b].sense)) || a - b);
    case "meaning": {
      const like = likeness.value;
      return like ? numbers.sort((a, b) => like[b] - like[a] || a - b) : numbers;
    }
    default:
      return numbers;
  }
}

/** Where a usage is coloured by no value, and where it is not shown. */
export const GREY = 254;
export const OUT = 255;

/** The rank of each usage's value, which gives its colour; `GREY` or `OUT`. */
export const ranks = computed(() => {
  const found = view.value;
  const paints = new Uint8Array(found?.usages.length ?? 0).fill(OUT);
  const places = new Map(values.value.map(([value], rank) => [value, rank]));
  for (const usage of shown.value) {
    const value = valueOf(usage, colour.value);
    const rank = colour.value === "sense" ? Number(value) : (places.get(value) ?? -1);
    paints[usage] = rank >= 0 && rank < GREY ? rank : GREY;
  }
  return paints;
});

const like = signal<Like | null>(null); // what the server said of the pinned usage

/** The pinned usage beside all others, where the server has to be asked: there are many. */
const likeHere = computed(() => {
  const found = view.value;
  if (!found?.places || pinned.value === null) return null;
  const said = like.value;
  return said && said.word === found.word && said.usage === found.places[pinned.value] ? said : null;
});

/** Cosines of the pinned usage with all. */
export const likeness = computed(() => {
  const found = view.value;
  if (!found || pinned.value === null || pinned.value >= found.usages.length) return null;
  if (!found.places) return similarities(found, pinned.value);
  const said = likeHere.value;
  return said && Float32Array.from(found.places, (place) => said.cosines[place]);
});

/** Where the nearest of the pinned usage lie, in sight or not, if the server has to say it. */
export const nearestPoints = computed(() => likeHere.value?.points ?? []);

function askLikeness(): void {
  const found = view.value;
  const usage = pinned.value;
  if (!found?.places || usage === null || usage >= found.usages.length) return;
  const place = found.places[usage];
  const said = like.peek();
  if (said && said.word === found.word && said.usage === place) return;
  server
    .like(found.word, place)
    .then((answer) => {
      like.value = answer;
    })
    .catch((error: Error) => {
      failure.value = error.message;
    });
}

// ---------------------------------------------------------------- the address says what is seen

function readAddress(): void {
  const asked = new URLSearchParams(location.hash.slice(1));
  const word = asked.get("word") ?? start.pages[0]?.word ?? start.words[0]?.[0];
  batch(() => {
    tab.value = (asked.get("tab") as Tab) ?? "map";
    colour.value = asked.get("colour") ?? "sense";
    sort.value = (asked.get("sort") as Sort) ?? "text";
    filter.value = asked.get("find") ?? "";
    pinned.value = asked.has("usage") ? Number(asked.get("usage")) : null;
    if (start.live) all.value = !asked.has("sample");
    const [x, y, zoom] = (asked.get("at") ?? "").split(",").map(Number);
    frame.value = zoom >= 1 && Number.isFinite(x + y + zoom) ? { x, y, zoom } : { x: 0, y: 0, zoom: 1 };
    const chosen = asked.get("lines");
    lasso.value = chosen ? new Set(chosen.split(".").map(Number)) : null;
  });
  if (word)
    void open(word, true).then(() => {
      const found = view.value;
      if (!found) return;
      batch(() => {
        const wanted = found.layers.findIndex((each) => String(each.layer) === asked.get("layer"));
        layer.value = wanted >= 0 ? wanted : found.reference;
        if (crowd.value && pinned.value !== null) {
          waiting = pinned.value; // a number of the index here, since which usages are in the view changes
          const place = found.usages.findIndex((usage) => usage.number === waiting);
          pinned.value = place < 0 ? null : place;
        }
        if (pinned.value !== null && !(pinned.value < found.usages.length)) pinned.value = null;
        if (!columns.value.includes(colour.value)) colour.value = "sense";
      });
    });
}

export function begin(): void {
  readAddress();
  addEventListener("hashchange", () => {
    if (location.hash.slice(1) !== written) readAddress();
  });
  effect(askLikeness);
  effect(() => {
    void frame.value;
    clearTimeout(resting);
    resting = window.setTimeout(() => (rested.value = frame.value), 250);
  });
  effect(() => {
    const found = view.value;
    if (!found) return;
    const said = new URLSearchParams({ word: found.word, layer: String(found.layers[layer.value]?.layer ?? 0) });
    if (tab.value !== "map") said.set("tab", tab.value);
    if (colour.value !== "sense") said.set("colour", colour.value);
    if (sort.value !== "text") said.set("sort", sort.value);
    if (filter.value) said.set("find", filter.value);
    if (pinned.value !== null && pinned.value < found.usages.length)
      said.set("usage", String(crowd.value ? found.usages[pinned.value].number : pinned.value));
    if (start.live && !all.value) said.set("sample", "1");
    const { x, y, zoom } = rested.value;
    if (zoom > 1) said.set("at", [x, y, zoom].map((each) => Number(each.toPrecision(6))).join(","));
    if (lasso.value && !crowd.value && lasso.value.size <= 500) said.set("lines", [...lasso.value].join("."));
    written = said.toString();
    try {
      history.replaceState(null, "", `#${written}`);
    } catch {
      // a page inside a notebook's frame has no address of its own
    }
  });
}

let written = "";
