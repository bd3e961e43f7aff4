import { signal, useSignalEffect } from "@preact/signals";
import { render } from "preact";
import { ChangeTab } from "./change";
import { colourOf } from "./colours";
import { Concordance } from "./concordance";
import { UsageMap } from "./map";
import { SentenceTab } from "./sentence";
import {
  type Tab,
  announce,
  begin,
  canUndo,
  all,
  chooseGroup,
  colour,
  columns,
  failure,
  group,
  labels,
  layer,
  loading,
  moreValues,
  open,
  rename,
  seen,
  senseName,
  showAll,
  start,
  tab,
  undo,
  values,
  view,
} from "./state";

const asked = signal("");
const renaming = signal<number | null>(null);

function Head() {
  const known = start.live ? start.words : start.pages.map((page): [string, number] => [page.word, page.total]);
  return (
    <header>
      <h1>
        <bdi>{view.value?.word ?? start.title}</bdi>
        {loading.value && (
          <span class="loading" role="status">
            reading {loading.value} …
          </span>
        )}
      </h1>
      <form
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          if (asked.value.trim()) void open(asked.value.trim());
        }}
      >
        <label>
          Word{" "}
          <input
            id="word"
            list="known"
            type="search"
            value={asked.value}
            placeholder={known.slice(0, 3).map(([word]) => word).join(", ")}
            onInput={(event) => (asked.value = event.currentTarget.value)}
          />
        </label>
        <datalist id="known">
          {known.map(([word, count]) => (
            <option value={word}>{`${count.toLocaleString()} usages`}</option>
          ))}
        </datalist>
        <button type="submit">Show</button>
      </form>
      <nav aria-label="Views">
        {(
          [
            ["map", "Map and lines"],
            ["change", "Change"],
            ["sentence", "Sentence"],
          ] as [Tab, string][]
        ).map(([value, name]) => (
          <button
            type="button"
            id={`tab-${value}`}
            aria-current={tab.value === value ? "page" : undefined}
            onClick={() => (tab.value = value)}
          >
            {name}
          </button>
        ))}
      </nav>
      <div class="tools">
        <button type="button" id="undo" onClick={undo} disabled={!canUndo.value}>
          Undo
        </button>
        {start.live && view.value && (
          <a class="button" id="export" href={`api/export?word=${encodeURIComponent(view.value.word)}`} download>
            Save page
          </a>
        )}
        <Labels />
      </div>
    </header>
  );
}

/** Names that a person gave to senses, to a file and back. */
function Labels() {
  const save = () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(labels.value, null, 1)], { type: "application/json" }));
    link.download = "senses.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  };
  const load = async (file: File | undefined) => {
    if (!file) return;
    try {
      const found = JSON.parse(await file.text());
      if (typeof found !== "object" || found === null || Array.isArray(found)) throw new Error("it holds no names");
      const read: Record<string, Record<string, string>> = {};
      for (const [word, senses] of Object.entries(found as Record<string, unknown>)) {
        read[word] = {};
        for (const [sense, name] of Object.entries((senses ?? {}) as Record<string, unknown>))
          if (typeof name === "string") read[word][sense] = name;
      }
      labels.value = { ...labels.value, ...read };
    } catch (error) {
      failure.value = `${file.name} is no file of sense names: ${(error as Error).message}`;
    }
  };
  return (
    <>
      <button type="button" onClick={save} disabled={!Object.keys(labels.value).length}>
        Save names
      </button>
      <label class="button">
        Load names
        <input
          type="file"
          class="unseen"
          accept="application/json,.json"
          onChange={(event) => void load(event.currentTarget.files?.[0])}
        />
      </label>
    </>
  );
}

function Legend() {
  const found = view.value;
  if (!found) return null;
  const senses = colour.value === "sense";
  const more = Math.max(0, values.value.length - 10) + moreValues.value;
  return (
    <div class="legend">
      <label>
        Colour{" "}
        <select id="colour" value={colour.value} onChange={(event) => (colour.value = event.currentTarget.value)}>
          {columns.value.map((each) => (
            <option>{each}</option>
          ))}
        </select>
      </label>
      <ul>
        {values.value.slice(0, 10).map(([value, count], rank) => {
          const sense = Number(value);
          const only = senses ? { column: "", value: "", sense } : { column: colour.value, value, sense: -2 };
          const active = group.value?.column === only.column && group.value.value === only.value && group.value.sense === only.sense;
          return (
            <li>
              {senses && renaming.value === sense ? (
                <form
                  onSubmit={(event) => {
                    event.preventDefault();
                    rename(sense, new FormData(event.currentTarget).get("name") as string);
                    renaming.value = null;
                  }}
                >
                  <input
                    name="name"
                    class="rename"
                    aria-label="Name of the sense"
                    defaultValue={senseName(sense)}
                    ref={(input) => input?.focus()}
                    onKeyDown={(event) => event.key === "Escape" && (renaming.value = null)}
                  />
                  <button type="submit">OK</button>
                </form>
              ) : (
                <>
                  <button
                    type="button"
                    class="key"
                    aria-pressed={active}
                    title="Show only these"
                    onClick={() => chooseGroup(active ? null : only)}
                  >
                    <i style={{ background: colourOf(senses ? sense : rank) }} />
                    <bdi>{senses ? senseName(sense) : value || "no value"}</bdi> <span class="faint">{count.toLocaleString()}</span>
                  </button>
                  {senses && sense >= 0 && (
                    <button type="button" class="link" aria-label={`Rename ${senseName(sense)}`} onClick={() => (renaming.value = sense)}>
                      rename
                    </button>
                  )}
                </>
              )}
            </li>
          );
        })}
        {more > 0 && <li class="faint">and {more.toLocaleString()} more, in grey</li>}
      </ul>
      {senses && found.stability !== null && (
        <p class="faint">
          Found again in samples of the usages: {Math.round(100 * found.stability)}% (adjusted Rand)
          {found.unassigned > 0 && `; ${Math.round((100 * found.unassigned) / found.usages.length)}% in no sense`}.
        </p>
      )}
    </div>
  );
}

function Layers() {
  const found = view.value;
  if (!found) return null;
  const caption = found.layers[layer.value];
  const dense = found.mode === "density" && seen.value;
  return (
    <div class="layers">
      {start.live && found.layered && (found.mode !== "layers" || found.total > found.usages.length) && (
        <label class="which">
          Show{" "}
          <select id="which" value={all.value ? "all" : "sample"} onChange={(event) => showAll(event.currentTarget.value === "all")}>
            <option value="all">all {found.total.toLocaleString()} usages, in one layer</option>
            <option value="sample">an even sample of them, in every layer</option>
          </select>
        </label>
      )}
      {found.layers.length > 1 && (
        <label>
          Layer <output>{caption.layer}</output>
          <input
            id="layer"
            type="range"
            min={0}
            max={found.layers.length - 1}
            step={1}
            value={layer.value}
            aria-valuetext={`layer ${caption.layer}`}
            onInput={(event) => (layer.value = Number(event.currentTarget.value))}
          />
        </label>
      )}
      <p class="caption" id="caption">
        {dense && (
          <>
            <b>{dense.count.toLocaleString()} usages, shown as density</b>; zoom in to see single ones.{" "}
          </>
        )}
        Layer {caption.layer} of {start.model},{" "}
        {caption.kept === null
          ? "t-SNE: what is near is alike, and how far groups lie apart says little; "
          : `first two principal components: they keep ${Math.round(100 * caption.kept)}% of the variance, and `}
        {Math.round(100 * caption.neighboursKept)}% of each usage’s {found.k} true nearest are near it here.
        Lines go to the true nearest{found.baseline.length ? `; two random words have a cosine of ${found.baseline[layer.value].toFixed(2)}` : ""}.
      </p>
    </div>
  );
}

function Page() {
  useSignalEffect(() => {
    document.title = `${view.value?.word ?? start.title} · wordstates`;
  });
  return (
    <>
      <Head />
      {failure.value && (
        <p class="trouble" role="alert">
          {failure.value}{" "}
          <button type="button" class="link" onClick={() => (failure.value = null)}>
            close
          </button>
        </p>
      )}
      <main aria-busy={loading.value !== null}>
        {tab.value === "map" && (
          <div class="both">
            <section class="picture" aria-label="Map">
              <UsageMap />
              <Layers />
              <Legend />
            </section>
            <Concordance />
          </div>
        )}
        {tab.value === "change" && <ChangeTab />}
        {tab.value === "sentence" && <SentenceTab />}
        {!view.value && !failure.value && tab.value !== "sentence" && (
          <p class="empty">{loading.value ? `Reading the usages of ${loading.value} …` : "Type a word above."}</p>
        )}
      </main>
      <footer>
        {start.note} · made with wordstates{start.live ? ", on this machine alone" : "; this file needs no network"}
      </footer>
      <p class="unseen" role="status" aria-live="polite">
        {announce.value}
      </p>
    </>
  );
}

begin();
render(<Page />, document.getElementById("page")!);
