// Any sentence: its words as boxes with their subwords, shaded by how like they are to the word that is looked at.
import { computed, signal } from "@preact/signals";
import { type NearHit, type Sentence, server } from "./data";
import { start } from "./state";

const text = signal("They sat on the bank of the river, far from any bank.");
const sentence = signal<Sentence | null>(null);
const busy = signal(false);
const trouble = signal<string | null>(null);
const pointed = signal<number | null>(null); // under the pointer
const chosen = signal<number | null>(null); // clicked
const looked = computed(() => chosen.value ?? pointed.value);
const other = signal<number | null>(null);
const at = signal(-1); // index in sentence.layers; -1: the last
const corrected = signal(false);
const near = signal<{ of: number; hits: NearHit[] } | null>(null);

async function read(): Promise<void> {
  busy.value = true;
  trouble.value = null;
  try {
    sentence.value = await server.sentence(text.value);
    chosen.value = pointed.value = other.value = null;
    near.value = null;
    if (at.value >= sentence.value.layers.length) at.value = -1;
  } catch (error) {
    trouble.value = (error as Error).message;
  } finally {
    busy.value = false;
  }
}

async function findNear(word: number): Promise<void> {
  const { text: whole, words } = sentence.value!;
  try {
    near.value = { of: word, hits: (await server.near(whole, words[word].start, words[word].end)).hits };
  } catch (error) {
    trouble.value = (error as Error).message;
  }
}

function click(word: number): void {
  if (chosen.value === null || chosen.value === word) {
    chosen.value = chosen.value === word ? null : word;
    other.value = near.value = null;
    if (chosen.value === word) void findNear(word);
  } else other.value = other.value === word ? null : word;
}

function cosine(found: Sentence, layer: number, a: number, b: number): number {
  const count = found.words.length;
  return found.similarity[(layer * count + a) * count + b];
}

export function SentenceTab() {
  if (!start.live)
    return (
      <section class="sentence">
        <p class="empty">
          Reading a sentence needs the model: open the live page with <code>wordstates explore</code>.
        </p>
      </section>
    );
  const found = sentence.value;
  const layer = found ? (at.value < 0 ? found.layers.length - 1 : at.value) : 0;
  const base = found?.baseline[layer] ?? 0;
  const shade = (word: number): string => {
    if (!found || looked.value === null || word === looked.value) return "";
    const likeness = cosine(found, layer, looked.value, word);
    if (!Number.isFinite(likeness)) return "";
    const part = corrected.value ? (likeness - base) / (1 - base) : likeness;
    return `--shade: ${Math.round(100 * Math.max(0, Math.min(1, part)))}%`;
  };
  return (
    <section class="sentence" aria-label="Sentence">
      <form
        class="bar"
        onSubmit={(event) => {
          event.preventDefault();
          void read();
        }}
      >
        <label class="grow">
          Sentence{" "}
          <input
            id="sentence"
            dir="auto"
            value={text.value}
            maxLength={20000}
            onInput={(event) => (text.value = event.currentTarget.value)}
          />
        </label>
        <button type="submit" id="read" disabled={busy.value || !text.value.trim()}>
          {busy.value ? "Reading …" : "Read"}
        </button>
      </form>
      {trouble.value && (
        <p class="trouble" role="alert">
          {trouble.value}
        </p>
      )}
      {found && (
        <>
          <div class="bar">
            <label class="grow">
              Layer {found.layers[layer]}{" "}
              <input
                type="range"
                min={0}
                max={found.layers.length - 1}
                value={layer}
                onInput={(event) => (at.value = Number(event.currentTarget.value))}
              />
            </label>
            <label>
              <input
                type="checkbox"
                checked={corrected.value}
                onChange={(event) => (corrected.value = event.currentTarget.checked)}
              />{" "}
              against two random words ({base.toFixed(2)} at this layer)
            </label>
          </div>
          <ol class="words" dir="auto">
            {found.words.map((word, number) => (
              <li>
                <button
                  type="button"
                  class={`word${number === looked.value ? " looked" : ""}${number === other.value ? " other" : ""}`}
                  style={shade(number)}
                  aria-pressed={number === chosen.value || number === other.value}
                  disabled={word.status !== "ok" && word.status !== "shared_subword"}
                  title={word.status}
                  onClick={() => click(number)}
                  onPointerEnter={() => (pointed.value = number)}
                  onPointerLeave={() => (pointed.value = null)}
                  onFocus={() => (pointed.value = number)}
                  onBlur={() => (pointed.value = null)}
                >
                  <bdi>{word.word}</bdi>
                  <small>
                    <bdi>{word.subwords.join(" ") || word.status}</bdi>
                  </small>
                  {looked.value !== null && looked.value !== number && (
                    <em>{cosine(found, layer, looked.value, number).toFixed(2)}</em>
                  )}
                </button>
              </li>
            ))}
          </ol>
          <p class="hint">
            Point at a word to see which others are like it. Click it to look for its nearest usages in the corpus; click
            a second one to see the pair through the layers.
          </p>
          {looked.value !== null && other.value !== null && (
            <Through found={found} a={looked.value} b={other.value} layer={layer} />
          )}
          {near.value && (
            <>
              <h2>
                Nearest usages of <q>{found.words[near.value.of]?.word}</q> in the corpus
              </h2>
              <ol class="hits" id="hits">
                {near.value.hits.map((hit) => (
                  <li>
                    <span class="score">{hit.score.toFixed(2)}</span>
                    <span dir="auto">
                      {hit.left.slice(-90)}
                      <mark>{hit.word}</mark>
                      {hit.right.slice(0, 90)}
                    </span>
                    <small>{hit.document}</small>
                  </li>
                ))}
              </ol>
            </>
          )}
        </>
      )}
    </section>
  );
}

/** How like two words are in each layer, beside two random words. */
function Through({ found, a, b, layer }: { found: Sentence; a: number; b: number; layer: number }) {
  const wide = 420;
  const tall = 150;
  const many = found.layers.length;
  const x = (each: number) => 34 + (each * (wide - 50)) / Math.max(1, many - 1);
  const y = (likeness: number) => 12 + (1 - Math.max(-0.2, likeness)) * ((tall - 40) / 1.2);
  const line = (values: number[]) => values.map((value, each) => `${x(each)},${y(value)}`).join(" ");
  const pair = found.layers.map((_, each) => cosine(found, each, a, b));
  return (
    <figure>
      <figcaption>
        <q>{found.words[a].word}</q> and <q>{found.words[b].word}</q>: {pair[layer].toFixed(2)} at layer{" "}
        {found.layers[layer]}; dashed: two random words
      </figcaption>
      <svg viewBox={`0 0 ${wide} ${tall}`} role="img" aria-label={`Cosines by layer: ${pair.map((each) => each.toFixed(2)).join(", ")}`}>
        {[0, 0.5, 1].map((tick) => (
          <>
            <line class="grid" x1={34} x2={wide - 16} y1={y(tick)} y2={y(tick)} />
            <text x={28} y={y(tick) + 4} text-anchor="end">
              {tick}
            </text>
          </>
        ))}
        {found.layers.map((each, index) => (
          <text x={x(index)} y={tall - 6} text-anchor="middle">
            {each}
          </text>
        ))}
        <polyline class="base" points={line(found.baseline)} />
        <polyline class="pair" points={line(pair)} />
        <circle cx={x(layer)} cy={y(pair[layer])} r={4} />
      </svg>
    </figure>
  );
}
