// Bundles the page: one script, one style sheet, and the licences of what is inside.
import { build } from "esbuild";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const out = process.argv[2] ?? "../src/wordstates/explore/page";
await build({
  entryPoints: { explore: "src/main.tsx", style: "src/style.css" },
  outdir: out,
  bundle: true,
  minify: true,
  format: "iife",
  target: "es2020",
  charset: "ascii", // the page says utf-8, but a bundle of plain ASCII survives whatever it is pasted into
  legalComments: "none",
  logLevel: "info",
});

const packages = ["preact", "@preact/signals", "@preact/signals-core", "kdbush"];
const licences = packages.map((name) => {
  const folder = join("node_modules", name);
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf-8"));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  return `${name} ${version}\n\n${readFileSync(join(folder, file), "utf-8").trim()}\n`;
});
writeFileSync(join(out, "LICENSES.txt"), licences.join("\n" + "-".repeat(80) + "\n\n"));
