// Where there are too many usages to show them one by one: how densely they lie, a cell a pixel of a small picture.
import { isDark, rgbOf } from "./colours";
import { type Seen, bytes } from "./data";

export interface Density {
  of: Seen;
  dark: boolean;
  image: HTMLCanvasElement;
  totals: Float64Array; // usages of each cell
}

/** Mix the colours of what is in each cell, the denser the stronger (on a scale of logarithms). */
export function densityOf(seen: Seen, ranks: number[]): Density {
  const { columns, rows } = seen;
  const cells = columns * rows;
  const counts = new Uint32Array(bytes(seen.counts));
  const totals = new Float64Array(cells);
  for (let at = 0; at < counts.length; at++) totals[at % cells] += counts[at];
  const most = Math.log1p(totals.reduce((a, b) => Math.max(a, b), 1));
  const image = document.createElement("canvas");
  image.width = columns;
  image.height = rows;
  const pen = image.getContext("2d")!;
  const drawn = pen.createImageData(columns, rows);
  const paints = Array.from({ length: counts.length / cells }, (_, each) => rgbOf(ranks[each] ?? -1));
  for (let cell = 0; cell < cells; cell++) {
    if (!totals[cell]) continue;
    paints.forEach((paint, each) => {
      const share = counts[each * cells + cell] / totals[cell];
      for (let part = 0; part < 3; part++) drawn.data[4 * cell + part] += paint[part] * share;
    });
    drawn.data[4 * cell + 3] = 255 * (0.2 + (0.8 * Math.log1p(totals[cell])) / most);
  }
  pen.putImageData(drawn, 0, 0);
  return { of: seen, dark: isDark(), image, totals };
}
