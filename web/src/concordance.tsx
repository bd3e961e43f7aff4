// The concordance: every usage a line, the word in the middle; only the lines in sight are in the document.
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { colourOf } from "./colours";
import type { Usage } from "./data";
import {
  type Sort,
  choose,
  colour,
  filter,
  group,
  chooseGroup,
  hovered,
  lasso,
  likeness,
  pin,
  pinned,
  search,
  senseName,
  shown,
  sort,
  start,
  valueOf,
  values,
  view,
} from "./state";

const ROW = 30; // pixels
const SORTS: [Sort, string][] = [
  ["text", "order of the texts"],
  ["left", "words to the left"],
  ["node", "the word as spelled"],
  ["right", "words to the right"],
  ["meaning", "meaning: nearest to the selected"],
  ["sense", "sense"],
];

function csv(cells: (string | number | null)[]): string {
  // A spreadsheet runs what begins like a formula: a quote before it keeps it text.
  const safe = cells.map((cell) => {
    const text = String(cell ?? "");
    const plain = typeof cell === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(plain) ? `"${plain.replace(/"/g, '""')}"` : plain;
  });
  return safe.join(",");
}

function save(name: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function download(): void {
  const found = view.value!;
  const meta = Object.keys(found.usages[0]?.meta ?? {});
  const like = likeness.value;
  const lines = [csv(["document", "start", "end", "left", "word", "right", "sense", ...(like ? ["similarity"] : []), ...meta])];
  for (const number of shown.value) {
    const usage = found.usages[number];
    lines.push(
      csv([
        usage.document,
        usage.start,
        usage.end,
        usage.left,
        usage.word,
        usage.right,
        senseName(usage.sense),
        ...(like ? [like[number].toFixed(4)] : []),
        ...meta.map((name) => usage.meta[name]),
      ]),
    );
  }
  save(`${found.word}.csv`, `${lines.join("\r\n")}\r\n`);
}

export function Concordance() {
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const tall = useSignal(400);
  useEffect(() => {
    const watched = new ResizeObserver(() => (tall.value = box.current?.clientHeight ?? 400));
    watched.observe(box.current!);
    return () => watched.disconnect();
  }, []);
  useSignalEffect(() => {
    // What is selected anywhere is brought into sight here.
    const usage = pinned.value;
    const row = usage === null ? -1 : shown.value.indexOf(usage);
    const list = box.current;
    if (row < 0 || !list) return;
    if (row * ROW < list.scrollTop || (row + 1) * ROW > list.scrollTop + list.clientHeight)
      list.scrollTop = Math.max(0, row * ROW - list.clientHeight / 2);
  });

  const found = view.value;
  if (!found) return <section class="concordance" aria-label="Concordance" ref={box} />;
  const numbers = shown.value;
  const first = Math.max(0, Math.floor(top.value / ROW) - 10);
  const last = Math.min(numbers.length, Math.ceil((top.value + tall.value) / ROW) + 10);
  const ranks = new Map(values.value.map(([value], rank) => [value, rank]));
  const like = likeness.value;
  const active = numbers.indexOf(hovered.value ?? pinned.value ?? -1);

  const key = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
    if (step !== undefined) {
      const row = Math.max(0, Math.min(numbers.length - 1, (active < 0 ? -Math.sign(step) : active) + step));
      if (numbers.length) pin(numbers[row]);
    } else if (event.key === "Home" && numbers.length) pin(numbers[0]);
    else if (event.key === "End" && numbers.length) pin(numbers[numbers.length - 1]);
    else if (event.key === "Escape") pin(null);
    else return;
    event.preventDefault();
  };

  return (
    <section class="concordance" aria-label="Concordance">
      <div class="bar">
        <label>
          Sort by{" "}
          <select
            id="sort"
            value={sort.value}
            onChange={(event) => {
              const chosen = event.currentTarget.value as Sort;
              if (chosen === "meaning" && pinned.value === null && numbers.length) pin(numbers[0]);
              sort.value = chosen;
            }}
          >
            {SORTS.map(([value, name]) => (
              <option value={value}>{name}</option>
            ))}
          </select>
        </label>
        <label class="grow">
          Filter{" "}
          <input
            id="filter"
            type="search"
            value={filter.value}
            placeholder="letters in line or document"
            onInput={(event) => search(event.currentTarget.value)}
          />
        </label>
        <button type="button" id="csv" onClick={download} disabled={!numbers.length}>
          Save lines
        </button>
      </div>
      <p class="count" id="count">
        {numbers.length === found.usages.length
          ? `${found.usages.length.toLocaleString()} ${found.usages.length === 1 ? "usage" : "usages"}`
          : `${numbers.length.toLocaleString()} of ${found.usages.length.toLocaleString()} usages`}
        {found.total > found.usages.length &&
          (found.mode === "part" ? `, in sight on the map, of ${found.total.toLocaleString()}` : `, an even sample of ${found.total.toLocaleString()}`)}
        {lasso.value && (
          <button type="button" class="chip" onClick={() => choose(null)}>
            selected on the map <span aria-hidden="true">×</span>
            <span class="unseen">: show all again</span>
          </button>
        )}
        {group.value && (
          <button type="button" class="chip" onClick={() => chooseGroup(null)}>
            {group.value.column ? `${group.value.column} ${group.value.value}` : ""}
            {group.value.sense >= -1 ? ` ${senseName(group.value.sense)}` : ""} <span aria-hidden="true">×</span>
            <span class="unseen">: show all again</span>
          </button>
        )}
      </p>
      <div
        class="lines"
        ref={box}
        id="lines"
        tabIndex={0}
        role="listbox"
        aria-label="Lines, the word in the middle"
        aria-activedescendant={active >= first && active < last ? `line-${numbers[active]}` : undefined}
        onKeyDown={key}
        onScroll={(event) => (top.value = event.currentTarget.scrollTop)}
        onPointerLeave={() => (hovered.value = null)}
      >
        <div class="all" role="presentation" style={{ height: `${numbers.length * ROW}px` }}>
          {numbers.slice(first, last).map((number, row) => {
            const usage = found.usages[number];
            const value = valueOf(number, colour.value);
            const rank = colour.value === "sense" ? Number(value) : (ranks.get(value) ?? -1);
            return (
              <div
                key={number}
                id={`line-${number}`}
                class={`line${number === hovered.value ? " hovered" : ""}${isRightToLeft(usage) ? " rtl" : ""}`}
                role="option"
                aria-selected={number === pinned.value}
                aria-setsize={numbers.length}
                aria-posinset={first + row + 1}
                style={{ top: `${(first + row) * ROW}px` }}
                title={usage.document}
                onClick={() => pin(number === pinned.value ? null : number)}
                onPointerEnter={() => (hovered.value = number)}
              >
                <i style={{ background: colourOf(rank) }} />
                <span class="left">
                  <bdi>{usage.left.slice(-140)}</bdi>
                </span>
                <b>
                  <bdi>{usage.word}</bdi>
                </b>
                <span class="right">
                  <bdi>{usage.right.slice(0, 140)}</bdi>
                </span>
                {like && <span class="score">{like[number].toFixed(2)}</span>}
              </div>
            );
          })}
        </div>
        {!numbers.length && <p class="empty">No usage passes the filter.</p>}
      </div>
      {pinned.value !== null && pinned.value < found.usages.length && <Selected number={pinned.value} />}
    </section>
  );
}

const STRONG = /[\p{L}]/u;
const RIGHT_TO_LEFT = /[\p{sc=Arab}\p{sc=Hebr}\p{sc=Syrc}\p{sc=Thaa}\p{sc=Nkoo}\p{sc=Adlm}]/u;

/** Whether a line is read from right to left: what comes before the word then stands on its right. */
function isRightToLeft({ left, right }: Usage): boolean {
  const nearest = [...left.slice(-140)].reverse().find((each) => STRONG.test(each)) ?? STRONG.exec(right)?.[0] ?? "";
  return RIGHT_TO_LEFT.test(nearest);
}

function Selected({ number }: { number: number }) {
  const usage = view.value!.usages[number];
  return (
    <div class="selected" id="selected">
      <p dir="auto">
        {usage.left}
        <mark>{usage.word}</mark>
        {usage.right}
      </p>
      <p class="about">
        {usage.document}, characters {usage.start.toLocaleString()} to {usage.end.toLocaleString()} ·{" "}
        {senseName(usage.sense)}
        {Object.entries(usage.meta).map(([name, value]) => value !== null && ` · ${name} ${value}`)}
        {sort.value !== "meaning" && (
          <button type="button" class="link" id="by-meaning" onClick={() => (sort.value = "meaning")}>
            sort all by likeness to this
          </button>
        )}
        {!start.live && null}
      </p>
    </div>
  );
}
