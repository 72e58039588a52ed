import { scaleLinear } from "d3-scale";
import { drawLegend, LETTER, shortened } from "./class-legend.ts";
import { type Label, spread } from "./labels.ts";
import { drawMarks } from "./marks.ts";
import { type Markup, markup } from "./markup.ts";
import { scatterStyle } from "./scatter-style.ts";
import { short } from "./text.ts";

/** The points of one class. */
export interface ScatterClass {
  readonly name: string;
  /** x and y of each. */
  readonly points: readonly (readonly [number, number])[];
}

export interface Scatter {
  readonly title: string;
  readonly description: string;
  readonly xTitle: string;
  /** Without one, y only tells the classes apart: one row for each. */
  readonly yTitle?: string;
  readonly classes: readonly ScatterClass[];
}

/** More classes are told apart by the legend alone. */
const MOST_LABELS = 20;

const size = { width: 504, left: 76, right: 16, top: 16, plot: 412 } as const;
/** A row of the plot without a y axis. */
const ROW = 40;

/** An SVG file of points by class: colours and shapes, labels at the classes' centres and a legend. */
export function scatterSvg(scatter: Scatter): string {
  const { title, description, xTitle, yTitle } = scatter;
  const classes = scatter.classes.filter(({ points }) => points.length > 0);
  const height = yTitle === undefined ? ROW * classes.length : size.plot;
  const { x, y, ticks } = scales(classes, yTitle !== undefined, height);
  const legend =
    classes.length > 1
      ? drawLegend(
          classes.map(({ name }) => name),
          { left: size.left, top: size.top + height + 74, width: size.width - size.left },
        )
      : undefined;
  const all = legend?.bottom ?? size.top + height + 62;
  const count = classes.reduce((sum, { points }) => sum + points.length, 0);
  const diameter = count > 4000 ? 4 : 5.5;
  return markup`<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${all}" viewBox="0 0 ${size.width} ${all}" role="img" aria-labelledby="title description">
<title id="title">${title}</title>
<desc id="description">${description}</desc>
<style>${scatterStyle}</style>
<rect class="paper" width="${size.width}" height="${all}"/>
<g transform="translate(${size.left} ${size.top})">
${ticks.x.map((value) => xTick(value, x(value), height))}
${ticks.y.map((value) => yTick(value, y(value)))}
<text class="muted" x="${size.plot / 2}" y="${height + 46}" text-anchor="middle">${xTitle}</text>
${yTitle && markup`<text class="muted" transform="translate(${-titleAt(ticks.y)} ${height / 2}) rotate(-90)" text-anchor="middle">${yTitle}</text>`}
<g class="points">
${classes.map(({ name, points }, i) => {
  const places = points.map(([px, py]) => [x(px), y(py)] as const);
  return drawMarks(i, places, diameter, name);
})}</g>
${classes.length > 1 && classes.length <= MOST_LABELS ? drawLabels(classes, x, y, height) : undefined}
</g>
${legend?.content}
</svg>
`.text;
}

type Scale = (value: number) => number;

/** Width of a numeral of the ticks at most, in pixels. */
const NUMERAL = 7.5;

/** How far left of the axis its title stands: clear of the widest number there. */
function titleAt(ticks: readonly number[]): number {
  const letters = Math.max(0, ...ticks.map((value) => short(value).length));
  return Math.min(size.left - 12, Math.max(36, 13 + NUMERAL * letters));
}

/** Both axes have one scale, so that distances can be compared; rows of classes have none. */
function scales(classes: readonly ScatterClass[], plane: boolean, height: number) {
  const columns = [0, 1].map((axis) =>
    classes.flatMap(({ points }) => points.map((point) => point[axis] as number)),
  ) as [number[], number[]];
  const [xs, ys] = columns.map(extent) as [Extent, Extent];
  const half = 0.525 * Math.max(xs.span, plane ? ys.span : 0, 1e-3);
  const x = scaleLinear()
    .domain([xs.middle - half, xs.middle + half])
    .range([0, size.plot]);
  if (!plane) {
    const rows = scaleLinear().domain([0, classes.length]).range([0, height]);
    return { x, y: rows as Scale, ticks: { x: x.ticks(6), y: [] } };
  }
  const y = scaleLinear()
    .domain([ys.middle - half, ys.middle + half])
    .range([height, 0]);
  return { x, y, ticks: { x: x.ticks(6), y: y.ticks(6) } };
}

interface Extent {
  readonly middle: number;
  readonly span: number;
}

function extent(values: readonly number[]): Extent {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return values.length > 0
    ? { middle: (low + high) / 2, span: high - low }
    : { middle: 0, span: 2 };
}

function xTick(value: number, x: number, height: number): Markup {
  return markup`<path class="grid" d="M${x.toFixed(1)} 0V${height}"/><text class="muted" x="${x.toFixed(1)}" y="${height + 20}" text-anchor="middle">${short(value)}</text>
`;
}

function yTick(value: number, y: number): Markup {
  return markup`<path class="grid" d="M0 ${y.toFixed(1)}H${size.plot}"/><text class="muted" x="-7" y="${(y + 4.5).toFixed(1)}" text-anchor="end">${short(value)}</text>
`;
}

/** A class of fewer points has its name in the legend only: a label would cover its marks. */
const FEWEST_LABELLED = 20;

/** The names at the medians of the classes, moved apart where they would overlap. */
function drawLabels(all: readonly ScatterClass[], x: Scale, y: Scale, height: number): Markup {
  const classes = all.filter(({ points }) => points.length >= FEWEST_LABELLED);
  const wanted = classes.map(({ name, points }): Label => {
    const median = (axis: 0 | 1) => medianOf(points.map((point) => point[axis]));
    const width = LETTER * shortened(name).length + 8;
    return { x: x(median(0)), y: y(median(1)), width, height: 21 };
  });
  const labels = spread(wanted, { width: size.plot, height }).map((label, i) => {
    const { name } = classes[i]!;
    const from = wanted[i]!;
    const far = Math.hypot(label.x - from.x, label.y - from.y) > 14;
    const leader = `M${from.x.toFixed(1)} ${from.y.toFixed(1)}L${label.x.toFixed(1)} ${label.y.toFixed(1)}`;
    return markup`${far ? markup`<path class="leader" d="${leader}"/>` : undefined}<text class="label" x="${label.x.toFixed(1)}" y="${(label.y + 5).toFixed(1)}" text-anchor="middle">${shortened(name)}</text>
`;
  });
  return markup`${labels}`;
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
