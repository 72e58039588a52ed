import { Markup } from "./markup.ts";
import { classColours, colourRules } from "./palette.ts";

/**
 * The style of a scatter plot. Shown on a phone the plot is scaled down to two thirds, so its text grows
 * there; the layout has room for it.
 */
export const scatterStyle = new Markup(`
text { font: 13.5px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; font-variant-numeric: tabular-nums; fill: #1d1d20; }
.paper { fill: #fcfbf8; }
.muted { fill: #5c5952; }
.axis { stroke: #5c5952; }
.grid { stroke: #e6e3da; }
.marks { fill: none; stroke: currentColor; stroke-linejoin: round; }
.marks.dot { stroke-linecap: round; }
.marks.fill { fill: currentColor; stroke: none; }
.points { opacity: 0.78; }
${colourRules(classColours.light)}
.label { font-weight: 600; stroke: #fcfbf8; stroke-width: 4; stroke-linejoin: round; paint-order: stroke; }
.leader { stroke: #1d1d20; }
@media (max-width: 400px) { text { font-size: 17px; } }
@media screen and (prefers-color-scheme: dark) {
text { fill: #e9e7e2; }
.paper { fill: #17181b; }
.muted { fill: #aaa79f; }
.axis { stroke: #aaa79f; }
.grid { stroke: #303238; }
.label { stroke: #17181b; }
.leader { stroke: #e9e7e2; }
${colourRules(classColours.dark)}
}
`);
