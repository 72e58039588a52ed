import { Markup } from "./markup.ts";

/** What a chart is drawn in; literal colours, as some viewers of SVG know no variables. */
interface Colours {
  readonly paper: string;
  readonly ink: string;
  readonly muted: string;
  readonly grid: string;
  readonly steps: string;
  readonly training: string;
  readonly validation: string;
  readonly bad: string;
}

const light: Colours = {
  paper: "#fcfbf8",
  ink: "#1d1d20",
  muted: "#5c5952",
  grid: "#e6e3da",
  steps: "#86abd3",
  training: "#1a5fa8",
  validation: "#bf4a00",
  bad: "#b3261e",
};

const dark: Colours = {
  paper: "#17181b",
  ink: "#e9e7e2",
  muted: "#aaa79f",
  grid: "#303238",
  steps: "#4b73a3",
  training: "#7ab6f5",
  validation: "#ffa25c",
  bad: "#ff8a80",
};

function rules(colours: Colours): string {
  const { paper, ink, muted, grid, steps, training, validation, bad } = colours;
  return `
.chart .paper { fill: ${paper}; }
.chart text { fill: ${ink}; stroke: none; }
.chart .muted { fill: ${muted}; }
.chart .halo { stroke: ${paper}; }
.chart .grid { stroke: ${grid}; }
.chart .axis { stroke: ${muted}; }
.chart .steps { stroke: ${steps}; }
.chart .training { stroke: ${training}; }
.chart .validation { stroke: ${validation}; }
.chart .bad { stroke: ${bad}; }
.chart text.bad { fill: ${bad}; }`;
}

/**
 * The style of all charts, alone or in a page: elements with the class `chart`. It follows the reader's
 * choice of light or dark, and prints in light.
 */
export const chartStyle = new Markup(`
.chart { font: 12.5px/1.3 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; font-variant-numeric: tabular-nums; }
.chart path, .chart line { fill: none; stroke-width: 1; }
.chart .title { font-weight: 600; font-size: 14px; }
.chart .halo { stroke-width: 4; stroke-linejoin: round; paint-order: stroke; }
.chart .steps { stroke-width: 1.2; stroke-linejoin: round; }
.chart .training, .chart .validation { stroke-width: 2; stroke-linejoin: round; }
.chart .training.dots { stroke-width: 6; stroke-linecap: round; }
.chart .validation.dots { stroke-width: 5.5; stroke-linecap: square; }
.chart .mark { stroke-dasharray: 3 3; }
${rules(light)}
@media screen and (prefers-color-scheme: dark) {${rules(dark)}
}
`);
