// What the page is given, by the server or inside its own file, and how it is unpacked.

export interface Usage {
  number: number; // row in the index
  word: string;
  left: string;
  right: string;
  document: string;
  start: number;
  end: number;
  status: string;
  sense: number; // -1: in no sense
  meta: Record<string, string | null>;
}

export interface Sense {
  id: number;
  name: string;
  size: number;
  words: string[]; // strongest collocates
  central: number[]; // most central usages, as indices of this word's usages
}

export interface LayerCaption {
  layer: number;
  kept: number | null; // share of the variance in the picture of principal components; null: it is one of t-SNE
  neighboursKept: number; // share of true neighbours that are neighbours in the picture
}

export interface GroupShare {
  group: string;
  total: number;
  shares: { sense: number; count: number; share: number; low: number; high: number }[];
}

/** layers: read in every layer; all: each usage, in the index's layer; density: a sample, the rest is counted; part: what is in sight. */
export type Mode = "layers" | "all" | "density" | "part";

export interface Packed {
  mode: Mode;
  word: string;
  total: number; // usages in the corpus; more than are shown where a sample is
  usages: Usage[];
  senses: Sense[];
  unassigned: number;
  stability: number | null;
  layers: LayerCaption[];
  reference: number; // index of the layer whose vectors are here
  baseline: number[]; // mean cosine of two random words, by layer
  change: { column: string; groups: GroupShare[] }[];
  points: string; // base64 of Float32, (layers, usages, 2)
  neighbours: string; // base64 of Int32, (layers, usages, k)
  scores: string; // base64 of Float32, (layers, usages, k)
  vectors: string; // base64 of Int8, (usages, dim): unit vectors of the reference layer, times 127
  dim: number;
  k: number;
  places?: string; // base64 of Int32, (usages): where they stand among all of the word; not where mode is layers
  layered?: boolean; // whether a model is there to read them in every layer
  labels?: Record<string, string>;
}

/** What is in a part of the picture of a word with too many usages to give them all. */
export interface Seen {
  box: [number, number, number, number]; // left, bottom, right, top
  values: [string, number][]; // of the column that colours, most frequent first, over all usages
  more: number; // values beyond these
  part?: Packed; // the usages, where they are few enough; else:
  count: number;
  columns: number;
  rows: number;
  counts: string; // base64 of Uint32, (values and the rest, rows, columns)
}

export interface Start {
  live: boolean;
  title: string;
  model: string;
  note: string; // where the vectors come from, in a line
  words: [string, number][]; // most frequent words, with their counts
  pages: Packed[]; // of an exported page: its words; of a live one: none
  labels: Record<string, Record<string, string>>; // word -> sense -> name given by a person
}

export interface View extends Omit<Packed, "points" | "neighbours" | "scores" | "vectors" | "places"> {
  places: Int32Array | null;
  points: Float32Array;
  neighbours: Int32Array;
  scores: Float32Array;
  vectors: Int8Array;
}

export function bytes(base64: string): ArrayBuffer {
  const text = atob(base64);
  const array = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) array[index] = text.charCodeAt(index);
  return array.buffer;
}

export function unpack(packed: Packed): View {
  return {
    ...packed,
    points: new Float32Array(bytes(packed.points)),
    neighbours: new Int32Array(bytes(packed.neighbours)),
    scores: new Float32Array(bytes(packed.scores)),
    vectors: new Int8Array(bytes(packed.vectors)),
    places: packed.places === undefined ? null : new Int32Array(bytes(packed.places)),
  };
}

/** Cosines of one usage with all, from the rounded vectors of the reference layer. */
export function similarities(view: View, usage: number): Float32Array {
  const { dim, vectors } = view;
  const found = new Float32Array(view.usages.length);
  const own = vectors.subarray(usage * dim, usage * dim + dim);
  let length = 0;
  for (let at = 0; at < dim; at++) length += own[at] * own[at];
  for (let row = 0; row < found.length; row++) {
    let product = 0;
    let square = 0;
    for (let at = 0, from = row * dim; at < dim; at++, from++) {
      product += own[at] * vectors[from];
      square += vectors[from] * vectors[from];
    }
    found[row] = length && square ? product / Math.sqrt(length * square) : 0;
  }
  return found;
}

export interface SentenceWord {
  word: string;
  start: number;
  end: number;
  status: string;
  subwords: string[];
}

export interface Sentence {
  text: string;
  words: SentenceWord[];
  layers: number[];
  similarity: Float32Array; // (layers, words, words)
  baseline: number[];
}

export interface NearHit {
  score: number;
  word: string;
  left: string;
  right: string;
  document: string;
}

/** One usage beside all others of its word, by their places. */
export interface Like {
  word: string;
  usage: number;
  nearest: number[];
  points: [number, number][]; // where these lie
  cosines: Float32Array;
}

async function ask<T>(path: string, body?: unknown): Promise<T> {
  const answer = await fetch(
    path,
    body === undefined
      ? {}
      : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) },
  );
  const found = await answer.json().catch(() => ({ error: `The server answered ${answer.status}.` }));
  if (!answer.ok) throw new Error(found.error ?? `The server answered ${answer.status}.`);
  return found as T;
}

export const server = {
  word: (word: string, all: boolean) => ask<Packed>(`api/word?${new URLSearchParams({ word, all: all ? "1" : "0" })}`),
  seen: (asked: Record<string, string>) => ask<Seen>(`api/seen?${new URLSearchParams(asked)}`),
  like: async (word: string, usage: number): Promise<Like> => {
    const asked = new URLSearchParams({ word, usage: String(usage) });
    const found = await ask<Omit<Like, "word" | "usage" | "cosines"> & { cosines: string }>(`api/like?${asked}`);
    return { ...found, word, usage, cosines: new Float32Array(bytes(found.cosines)) };
  },
  sentence: async (text: string): Promise<Sentence> => {
    const found = await ask<Omit<Sentence, "similarity"> & { similarity: string }>("api/sentence", { text });
    return { ...found, similarity: new Float32Array(bytes(found.similarity)) };
  },
  near: (text: string, start: number, end: number) => ask<{ hits: NearHit[] }>("api/near", { text, start, end }),
  label: (word: string, sense: number, name: string) => ask<unknown>("api/label", { word, sense, name }),
};
