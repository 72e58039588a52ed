import { findDataset } from "../data/datasets.ts";
import type { Host } from "../host/host.ts";
import { namedSettings } from "../settings/settings.ts";
import { RunFolder } from "../train/run-folder.ts";
import { drawPanel, panelSize } from "./chart.ts";
import { chartStyle } from "./chart-style.ts";
import { curvesOf, curvesSvg, legendOf } from "./curves.ts";
import { type Markup, markup } from "./markup.ts";
import { legendSign } from "./panels.ts";
import { isDefault } from "./repeat.ts";
import { type ReportData, readReport } from "./report-data.ts";
import { pictures } from "./report-pictures.ts";
import { reportStyle } from "./report-style.ts";
import { endingOf, numbers, summary } from "./report-summary.ts";
import { configuration, environment, epochTable, events, repeat } from "./report-tables.ts";
import { counted } from "./text.ts";

/**
 * `report`: writes a run's report and its curves anew from what its folder holds; a run that goes on, was
 * interrupted or diverged has them, too.
 *
 * @returns the paths; without curves where no step was finished, or where the report goes elsewhere
 */
export async function report(
  run: string,
  options: { readonly out?: string | undefined },
  host: Host,
): Promise<{ report: string; figures: readonly string[] }> {
  const folder = await RunFolder.open(run, host);
  const data = await readReport(folder);
  const curves = options.out === undefined ? curvesSvg(data.history, data.name) : undefined;
  const figures = curves
    ? [await folder.writeFigure("curves.svg", new TextEncoder().encode(curves))]
    : [];
  return { report: await folder.writeReport(reportHtml(data), options.out), figures };
}

/** Writes report.html; returns its path. */
export async function writeReport(folder: RunFolder): Promise<string> {
  return folder.writeReport(reportHtml(await readReport(folder)));
}

/** The report as one HTML file that loads nothing and runs nothing. */
export function reportHtml(data: ReportData): string {
  const { config, name } = data;
  const { options, entry } = config;
  const title = `${entry.name} on ${findDataset(options.data).label}`;
  const sections = [
    { id: "summary", title: "Summary", content: summary(data) },
    { id: "pictures", title: "Pictures", content: pictures(data) },
    { id: "curves", title: "Loss curves", content: curves(data) },
    { id: "numbers", title: "Numbers", content: numbers(data) },
    { id: "epochs", title: "Epochs", content: epochTable(data) },
    { id: "configuration", title: "Configuration", content: configuration(data) },
    { id: "environment", title: "Environment", content: environment(data) },
    { id: "repeat", title: "Repeat this run", content: repeat(data) },
    { id: "events", title: "Events", content: events(data) },
  ].filter(({ content }) => content !== undefined);
  const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
  return `<!doctype html>\n${
    markup`<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${`${name}: ${title}`}</title>
<style>${reportStyle}${chartStyle}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p class="lead">${lead(data)}</p>
${endingOf(data)}
<nav aria-label="Sections"><ul>
${sections.map(({ id, title }) => markup`<li><a href="#${id}">${title}</a></li>\n`)}</ul></nav>
</header>
<main>
${sections.map(
  ({ id, title, content }) => markup`<section id="${id}" aria-labelledby="${id}-title">
<h2 id="${id}-title">${title}</h2>
${content}</section>
`,
)}</main>
<footer><p>Made from the run’s config.json, metrics.jsonl and figures. <code>latentgrad report</code> makes it anew.</p></footer>
</body>
</html>
`.text
  }`;
}

function lead({ config, history, name }: ReportData): string {
  const { settings } = config.given;
  const changed = namedSettings(config.entry)
    .filter(({ option, preset }) => !isDefault(settings[option], preset))
    .map(({ option }) => `${option} ${settings[option]}`);
  const how = changed.length > 0 ? ` with ${changed.join(", ")}` : "";
  return `Training report of ${name}: ${counted(history.epochs.length, "epoch")}${how}, seed ${config.options.seed}.`;
}

function curves({ history }: ReportData): Markup | undefined {
  const panels = curvesOf(history);
  if (panels.length === 0) return undefined;
  const { width, height } = panelSize;
  const legend = legendOf(panels, history).map(
    (entry) =>
      markup`<li><svg class="chart" viewBox="0 0 26 12" aria-hidden="true">${legendSign(entry)}</svg>${entry.text}</li>\n`,
  );
  const drawn = panels.map(
    ({ panel, description }, i) =>
      markup`<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="curve-${i}-title curve-${i}-text">
<title id="curve-${i}-title">${`Curve of ${panel.title}`}</title><desc id="curve-${i}-text">${description}</desc>
${drawPanel(panel)}
</svg>
`,
  );
  return markup`<figure>
<ul class="legend">
${legend}</ul>
<div class="panels">
${drawn}</div>
<figcaption>Means over an epoch stand in the middle of it, validation at its end. Where first or last values would flatten the rest, a panel cuts them off and says how far they reach.</figcaption>
</figure>
`;
}
