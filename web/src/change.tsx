// Change: which share of the usages each sense has in each group, with intervals; a click shows the lines.
import { signal } from "@preact/signals";
import { colourOf } from "./colours";
import { chooseGroup, group, senseName, tab, view } from "./state";

const column = signal("");

export function ChangeTab() {
  const found = view.value;
  if (!found) return null;
  if (!found.change.length)
    return (
      <section class="change">
        <p class="empty">
          The texts say nothing that usages could be grouped by. Keep a column, as the year, when they are embedded:{" "}
          <code>--metadata year</code>.
        </p>
      </section>
    );
  const chosen = found.change.find((each) => each.column === column.value) ?? found.change[0];
  const senses = [...found.senses.map((each) => each.id), ...(found.unassigned ? [-1] : [])];
  const tall = 190;
  const bar = Math.max(10, Math.min(26, 560 / (chosen.groups.length * (senses.length + 1))));
  const each = bar * senses.length + 22;
  const wide = Math.max(360, 56 + each * chosen.groups.length);
  const y = (share: number) => 14 + (1 - share) * (tall - 30);
  return (
    <section class="change" aria-label="Change">
      <div class="bar">
        <label>
          Shares of the senses by{" "}
          <select value={chosen.column} onChange={(event) => (column.value = event.currentTarget.value)}>
            {found.change.map((each) => (
              <option>{each.column}</option>
            ))}
          </select>
        </label>
        <span class="hint">bars: share of the usages; lines: 95% intervals (Wilson). Click a bar to see its lines.</span>
      </div>
      <ul class="senses">
        {senses.map((sense) => (
          <li>
            <i style={{ background: colourOf(sense) }} /> <bdi>{senseName(sense)}</bdi>
          </li>
        ))}
      </ul>
      <div class="scroll" tabIndex={0} role="group" aria-label="Bars">
        <svg width={wide} height={tall + 26} id="change">
          {[0, 0.25, 0.5, 0.75, 1].map((tick) => (
            <>
              <line class="grid" x1={46} x2={wide} y1={y(tick)} y2={y(tick)} />
              <text x={40} y={y(tick) + 4} text-anchor="end">
                {100 * tick}%
              </text>
            </>
          ))}
          {chosen.groups.map((part, place) => {
            const left = 56 + place * each;
            return (
              <>
                {senses.map((sense, rank) => {
                  const share = part.shares.find((one) => one.sense === sense);
                  if (!share) return null;
                  const x = left + rank * bar;
                  const name = `${senseName(sense)} in ${part.group || "no value"}: ${share.count} of ${part.total}, ${Math.round(
                    100 * share.share,
                  )}% (${Math.round(100 * share.low)} to ${Math.round(100 * share.high)})`;
                  const active =
                    group.value?.column === chosen.column && group.value.value === part.group && group.value.sense === sense;
                  const act = () => {
                    chooseGroup(active ? null : { column: chosen.column, value: part.group, sense });
                    if (!active) tab.value = "map";
                  };
                  return (
                    <g
                      class="share"
                      role="button"
                      tabIndex={0}
                      aria-label={name}
                      onClick={act}
                      onKeyDown={(event) => {
                        if (event.key === "Enter" || event.key === " ") {
                          event.preventDefault();
                          act();
                        }
                      }}
                    >
                      <title>{name}</title>
                      <rect class="touch" x={x} y={14} width={bar} height={tall - 30} />
                      <rect x={x + 1} y={y(share.share)} width={bar - 2} height={y(0) - y(share.share)} fill={colourOf(sense)} />
                      <line x1={x + bar / 2} x2={x + bar / 2} y1={y(share.low)} y2={y(share.high)} class="interval" />
                    </g>
                  );
                })}
                <text x={left + (senses.length * bar) / 2} y={tall + 4} text-anchor="middle">
                  {part.group.length > 14 ? `${part.group.slice(0, 13)}…` : part.group || "no value"}
                </text>
                <text class="faint" x={left + (senses.length * bar) / 2} y={tall + 19} text-anchor="middle">
                  {part.total}
                </text>
              </>
            );
          })}
        </svg>
      </div>
    </section>
  );
}
