// What is chosen: one usage is one thing, whether it is seen as a point, as a line or as a word in a sentence.
import { batch, computed, effect, signal } from "@preact/signals";
import { type Packed, type Start, type View, server, similarities, unpack } from "./data";

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
  loading.value = word;
  failure.value = null;
  try {
    const kept = start.pages.find((page) => page.word === word);
    const packed: Packed | undefined = kept ?? (start.live ? await server.word(word) : undefined);
    if (mine !== asked) return;
    if (!packed) throw new Error(`“${word}” is not in this page.`);
    const found = unpack(packed);
    batch(() => {
      const sameLayers = view.value?.layers.length === found.layers.length;
      view.value = found;
      past.value = [];
      if (!keep) {
        pinned.value = lasso.value = group.value = hovered.value = null;
        filter.value = "";
        sort.value = "text";
        if (!columns.value.includes(colour.value)) colour.value = "sense";
        if (!sameLayers) layer.value = found.reference;
      }
      layer.value = Math.max(0, Math.min(layer.value, found.layers.length - 1));
    });
    announce.value = `${found.usages.length} usages of ${word}.`;
  } catch (error) {
    if (mine === asked) failure.value = (error as Error).message;
  } finally {
    if (mine === asked) loading.value = null;
  }
}

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
  const counts = new Map<string, number>();
  for (let usage = 0; usage < found.usages.length; usage++) {
    const value = valueOf(usage, colour.value);
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const listed = [...counts];
  if (colour.value === "sense") return listed.sort((a, b) => order(a[0]) - order(b[0]));
  return listed.sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
});

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

/** Cosines of the pinned usage with all. */
export const likeness = computed(() => {
  const found = view.value;
  return found && pinned.value !== null ? similarities(found, pinned.value) : null;
});

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
  effect(() => {
    const found = view.value;
    if (!found) return;
    const said = new URLSearchParams({ word: found.word, layer: String(found.layers[layer.value]?.layer ?? 0) });
    if (tab.value !== "map") said.set("tab", tab.value);
    if (colour.value !== "sense") said.set("colour", colour.value);
    if (sort.value !== "text") said.set("sort", sort.value);
    if (filter.value) said.set("find", filter.value);
    if (pinned.value !== null) said.set("usage", String(pinned.value));
    if (lasso.value && lasso.value.size <= 500) said.set("lines", [...lasso.value].join("."));
    written = said.toString();
    try {
      history.replaceState(null, "", `#${written}`);
    } catch {
      // a page inside a notebook's frame has no address of its own
    }
  });
}

let written = "";
