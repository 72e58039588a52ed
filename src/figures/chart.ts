import { scaleLinear } from "d3-scale";
import { line as linePath } from "d3-shape";
import { type Markup, markup } from "./markup.ts";
import { fullRange, type Point, type Range, visibleRange } from "./series.ts";
import { short, whole } from "./text.ts";

/** One curve of a panel. */
export interface Line {
  readonly points: readonly Point[];
  /** Class in the style sheet. */
  readonly style: "steps" | "training" | "validation";
  /** Each point is marked. */
  readonly dots?: boolean;
}

/** A vertical line that something is written beside. */
export interface Mark {
  readonly x: number;
  readonly label: string;
  readonly style: "axis" | "bad";
}

/** A small chart of curves over one axis. */
export interface Panel {
  readonly title: string;
  readonly xTitle: string;
  /** With the unit. */
  readonly yTitle: string;
  /** Where x ends; it begins at 0. */
  readonly xEnd: number;
  readonly lines: readonly Line[];
  /** From the lowest to the highest value, before any were put together for the lines. */
  readonly full: Range | undefined;
  readonly marks: readonly Mark[];
  /** y begins at 0, so that heights can be compared; else just below the lowest value. */
  readonly fromZero?: boolean;
}

/** Size of a panel in pixels. */
export const panelSize = { width: 340, height: 248 } as const;

const margin = { left: 54, right: 14, top: 50, bottom: 42 } as const;
const plot = {
  width: panelSize.width - margin.left - margin.right,
  height: panelSize.height - margin.top - margin.bottom,
} as const;

/** Room for the half of a dot at the end of the axis. */
const DOT = 4;

/** The content of a panel, for a `g` or an `svg` of its size with the class `chart`. */
export function drawPanel(panel: Panel): Markup {
  const { title, xTitle, yTitle, lines, marks } = panel;
  const range = visibleRange(lines.map(({ points }) => points));
  const x = scaleLinear()
    .domain([0, panel.xEnd || 1])
    .range([0, plot.width]);
  const y = scaleLinear()
    .domain(range ? padded(range, panel.fromZero) : [0, 1])
    .range([plot.height, 0]);
  const { left, top } = margin;
  const cut = range && cutNote(panel, range);
  return markup`
<text class="title" x="${left}" y="18">${title}</text>
<text class="muted" x="${left}" y="36">${yTitle}</text>
${cut && markup`<text class="muted" x="${panelSize.width - margin.right}" y="36" text-anchor="end">${cut}</text>`}
<g transform="translate(${left} ${top})">
${range ? y.ticks(5).map((value) => yTick(value, y(value))) : undefined}
<line class="axis" x1="0" x2="${plot.width}" y1="${plot.height}" y2="${plot.height}"/>
${xTicks(x).map((value) => xTick(value, x(value)))}
<text class="muted" x="${plot.width}" y="${plot.height + 36}" text-anchor="end">${xTitle}</text>
<svg width="${plot.width + DOT}" height="${plot.height}">
${marks.map((mark) => markLine(mark, x(mark.x)))}
${lines.map((line) => drawLine(line, x, y))}
</svg>
${range ? undefined : markup`<text class="muted" x="${plot.width / 2}" y="${plot.height / 2}" text-anchor="middle">no finite values</text>`}
${marks.map((mark, i) => markLabel(mark, x(mark.x), i))}
</g>`;
}

type Scale = (value: number) => number;

function drawLine({ points, style, dots }: Line, x: Scale, y: Scale): Markup {
  const shown = points.filter((point) => point.y !== null);
  // A point between two gaps would be a line of no length.
  const alone = shown.length === 1;
  const path = linePath<Point>(
    (point) => x(point.x),
    (point) => y(point.y ?? 0),
  )
    .defined((point) => point.y !== null)
    .digits(1);
  const marks = shown.map((point) => `M${x(point.x).toFixed(1)} ${y(point.y!).toFixed(1)}h0`);
  return markup`<path class="${style}" d="${path(points) ?? ""}"/>
${dots || alone ? markup`<path class="${style} dots" d="${marks.join("")}"/>` : undefined}`;
}

/** A little room beyond the values; a constant stands in the middle. */
function padded({ low, high }: Range, fromZero = false): [number, number] {
  if (fromZero && high > 0) return [Math.min(0, low), 1.05 * high];
  const room = 0.05 * (high - low) || Math.abs(low) * 0.05 || 1;
  // Nothing that is 0 or more looks as if it could be less.
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

function yTick(value: number, y: number): Markup {
  return markup`<line class="grid" x1="0" x2="${plot.width}" y1="${y.toFixed(1)}" y2="${y.toFixed(1)}"/>
<text class="muted" x="-8" y="${(y + 4).toFixed(1)}" text-anchor="end">${tickText(value)}</text>
`;
}

function xTick(value: number, x: number): Markup {
  return markup`<line class="axis" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${plot.height}" y2="${plot.height + 5}"/>
<text class="muted" x="${x.toFixed(1)}" y="${plot.height + 19}" text-anchor="middle">${tickText(value)}</text>
`;
}

/** Whole epochs, unless there is hardly one. */
function xTicks(x: ReturnType<typeof scaleLinear<number>>): number[] {
  const ticks = x.ticks(6);
  const wholes = ticks.filter(Number.isInteger);
  return wholes.length > 1 ? wholes : ticks;
}

function tickText(value: number): string {
  return Number.isInteger(value) && Math.abs(value) < 1e5 ? whole(value) : short(value);
}

function markLine({ style }: Mark, x: number): Markup {
  return markup`<line class="mark ${style}" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="0" y2="${plot.height}"/>`;
}

/** On the side of the line where there is more room, in the row of that number. */
function markLabel({ label, style }: Mark, x: number, row: number): Markup {
  const right = x < plot.width / 2;
  const at = (x + (right ? 5 : -5)).toFixed(1);
  const colour = style === "bad" ? "bad" : "muted halo";
  return markup`<text class="${colour}" x="${at}" y="${12 + 16 * row}" text-anchor="${right ? "start" : "end"}">${label}</text>`;
}

/** Says how far the lines that leave the range go; undefined where all of them stay in it. */
function cutNote({ lines, full }: Panel, shown: Range): string | undefined {
  const drawn = fullRange(lines.map(({ points }) => points));
  if (!drawn || !full) return undefined;
  const above = drawn.high > shown.high ? short(full.high) : undefined;
  const below = drawn.low < shown.low ? short(full.low) : undefined;
  if (above && below) return `cut: ${below} to ${above}`;
  if (above) return `cut: up to ${above}`;
  return below && `cut: down to ${below}`;
}
