/**
 * Draws how many latent dimensions the masks of some MaskAAE runs leave active, over the steps: a panel
 * for each data set, a line for each of up to three runs.
 *
 *   node bench/mask-curves.mjs OUT.svg RUN…
 */
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { root } from "../scripts/build.mjs";

const [out, ...runs] = process.argv.slice(2);
if (out === undefined || runs.length === 0) {
  console.error("usage: node bench/mask-curves.mjs OUT.svg RUN…");
  process.exit(2);
}
const bundle = await build({
  stdin: {
    contents: `export { drawPanel, panelSize } from "./src/figures/chart.ts";
export { chartStyle } from "./src/figures/chart-style.ts";
export { markup } from "./src/figures/markup.ts";`,
    resolveDir: root,
    loader: "ts",
  },
  bundle: true,
  format: "esm",
  write: false,
});
const code = Buffer.from(bundle.outputFiles[0].contents).toString("base64");
const { drawPanel, panelSize, chartStyle, markup } = await import(
  `data:text/javascript;base64,${code}`
);

const styles = ["training", "validation", "steps"];
const bySet = new Map();
for (const run of runs) {
  const config = JSON.parse(readFileSync(`${run}/config.json`, "utf8"));
  const points = readFileSync(`${run}/metrics.jsonl`, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter(({ kind }) => kind === "step")
    .map(({ step, active }) => ({ x: step, y: active }));
  // Between two changes the line is straight: its ends say all.
  const kept = points.filter(({ y }, i) => y !== points[i - 1]?.y || y !== points[i + 1]?.y);
  const set = bySet.get(config.data) ?? { latent: config.set.latent, lines: [] };
  set.lines.push({ points: kept, style: styles[set.lines.length % styles.length] });
  bySet.set(config.data, set);
}
const gap = 24;
const panels = [...bySet].map(([name, { latent, lines }], i) => {
  const ends = lines.flatMap(({ points }) => points);
  const panel = {
    title: `${name}, capacity ${latent}`,
    xTitle: "step",
    yTitle: "active dimensions",
    xEnd: Math.max(...ends.map(({ x }) => x)),
    lines,
    full: undefined,
    marks: [],
  };
  const x = gap + i * (panelSize.width + gap);
  return markup`<g transform="translate(${x} ${gap})">${drawPanel(panel)}</g>`;
});
const width = gap + panels.length * (panelSize.width + gap);
const height = panelSize.height + 2 * gap;
const ends = [...bySet].map(
  ([name, { lines }]) =>
    `${name}: ${lines.map(({ points }) => points.at(-1).y).join(", ")} active at the end`,
);
writeFileSync(
  out,
  markup`<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">
<title id="title">Active dimensions of MaskAAE over the training</title>
<desc id="description">${`${ends.join("; ")}.`}</desc>
<style>${chartStyle}</style>
<rect class="paper" width="${width}" height="${height}"/>
${panels}
</svg>
`.text,
);
console.log(out);
