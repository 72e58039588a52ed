import { drawPanel, type Line, type Panel, panelSize } from "./chart.ts";
import { chartStyle } from "./chart-style.ts";
import { type Markup, markup } from "./markup.ts";

/** One entry of the legend: the line's class, and what it is. */
export interface LegendEntry {
  readonly style: Line["style"];
  readonly dots: boolean;
  readonly text: string;
}

/** The sign of a legend's entry, 26 × 12 pixels. */
export function legendSign({ style, dots }: LegendEntry): Markup {
  return markup`<path class="${style}" d="M1 6h24"/>${dots ? markup`<path class="${style} dots" d="M13 6h0"/>` : undefined}`;
}

const gap = 24;
const columns = 2;

/** Panels with what is said of them all. */
export interface PanelSheet {
  readonly title: string;
  /** What one sees, in words. */
  readonly description: string;
  readonly panels: readonly Panel[];
  readonly legend: readonly LegendEntry[];
}

/** An SVG file of panels in two columns below one legend. */
export function panelsSvg({ title, description, panels, legend: entries }: PanelSheet): string {
  const across = Math.min(columns, panels.length);
  const width = across * panelSize.width + (across + 1) * gap;
  const legend = placeLegend(entries, width);
  const top = gap + legend.height;
  const rows = Math.ceil(panels.length / columns);
  const height = top + rows * (panelSize.height + gap);
  const drawn = panels.map((panel, i) => {
    const x = gap + (i % columns) * (panelSize.width + gap);
    const y = top + Math.floor(i / columns) * (panelSize.height + gap);
    return markup`<g transform="translate(${x} ${y})">${drawPanel(panel)}</g>
`;
  });
  return markup`<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">
<title id="title">${title}</title>
<desc id="description">${description}</desc>
<style>${chartStyle}</style>
<rect class="paper" width="${width}" height="${height}"/>
${legend.content}
${drawn}
</svg>
`.text;
}

/** Sets the entries of a legend in lines as wide as the chart. */
function placeLegend(
  entries: readonly LegendEntry[],
  width: number,
): { readonly content: Markup; readonly height: number } {
  /** About the width of a letter. */
  const letter = 6.6;
  let [x, y] = [gap, gap];
  const content = entries.map((entry) => {
    const length = 34 + letter * entry.text.length;
    if (x > gap && x + length > width - gap) [x, y] = [gap, y + 22];
    const here = markup`<g transform="translate(${x.toFixed(1)} ${y})">${legendSign(entry)}<text x="34" y="10.5">${entry.text}</text></g>
`;
    x += length + 20;
    return here;
  });
  return { content: markup`${content}`, height: y + 12 };
}
