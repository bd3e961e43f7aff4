// Colours that people with any colour vision tell apart (Okabe and Ito 2008; Tol's muted scheme after it).
const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9", "#882255", "#44803f", "#332288", "#999933"];
const DARK = ["#5ab4ff", "#ff9a4d", "#3fd6a6", "#f0a6cf", "#f0d84a", "#9ad7ff", "#e26aa5", "#8fd18a", "#a79bff", "#d8d880"];

const dark = matchMedia("(prefers-color-scheme: dark)");

export const isDark = () => dark.matches;

export function onTheme(listener: () => void): () => void {
  dark.addEventListener("change", listener);
  return () => dark.removeEventListener("change", listener);
}

/** Colour of the value of this rank; usages in no sense, and values beyond the palette, are grey. */
export function colourOf(rank: number): string {
  const colours = isDark() ? DARK : LIGHT;
  return rank >= 0 && rank < colours.length ? colours[rank] : isDark() ? "#8b93a1" : "#8a8f98";
}
