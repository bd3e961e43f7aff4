// Colours that people with any colour vision tell apart (Okabe and Ito 2008; Tol's muted scheme after it).
const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#882255", "#44803f", "#332288", "#999933"];
const DARK = ["#5ab4ff", "#ff9a4d", "#3fd6a6", "#f0a6cf", "#f0d84a", "#9ad7ff", "#e26aa5", "#8fd18a", "#a79bff", "#d8d880"];

const dark = matchMedia("(prefers-color-scheme: dark)");

export const isDark = () => dark.matches;

export function onTheme(listener: () => void): () => void {
  dark.addEventListener("change", listener);
  return () => dark.removeEventListener("change", listener);
}

export type Rgb = [number, number, number];

const parsed = (colour: string): Rgb => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16)) as Rgb;

/** Colours of points as numbers: of a rank, of what is left out, and of what lies behind them. */
export const rgbOf = (rank: number): Rgb => parsed(colourOf(rank));
export const outOf = (): Rgb => parsed(isDark() ? "#39404d" : "#dcdfe5");

export function backgroundOf(canvas: HTMLElement): Rgb {
  const found = getComputedStyle(canvas.parentElement!).backgroundColor.match(/\d+/g) ?? [];
  return [0, 1, 2].map((part) => Number(found[part] ?? 255)) as Rgb;
}

/** Colour of the value of this rank; usages in no sense, and values beyond the palette, are grey. */
export function colourOf(rank: number): string {
  const colours = isDark() ? DARK : LIGHT;
  return rank >= 0 && rank < colours.length ? colours[rank] : isDark() ? "#8b93a1" : "#8a8f98";
}
