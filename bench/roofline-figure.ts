import { scaleLog } from "d3-scale";
import type { KernelMeasurement } from "../src/bench/kernels.ts";
import type { BenchReport } from "../src/bench/run.ts";
import { drawLegend, LETTER } from "../src/figures/class-legend.ts";
import { alongLine, type Label, overlap, placeBeside } from "../src/figures/labels.ts";
import { drawMarks } from "../src/figures/marks.ts";
import { type Markup, markup } from "../src/figures/markup.ts";
import { scatterStyle } from "../src/figures/scatter-style.ts";
import { short } from "../src/figures/text.ts";

const size = { width: 760, left: 64, right: 20, top: 44, height: 420 } as const;
const plotWidth = size.width - size.left - size.right;
/** About the diameter of a mark. */
const MARK = 8;
/** Axes go this far beyond the outermost value. */
const ROOM = 1.6;
/** Floating-point operations a byte. */
const intensityOf = ({ gflops, gbps }: KernelMeasurement): number => gflops / gbps;

/** What a kernel's name says that it is one of. */
const families: readonly (readonly [RegExp, string])[] = [
  [/^matmul/, "matmul"],
  [/weight-gradient/, "conv weights"],
  [/^conv/, "conv"],
  [/^(sum|softmax)/, "reductions"],
  [/^batch-norm/, "batch norm"],
  [/^random/, "random"],
  [/^adam/, "Adam"],
  [/^/, "maps"],
];

export function familyOf(kernel: string): string {
  return families.find(([pattern]) => pattern.test(kernel))?.[1] as string;
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

type Point = readonly [x: number, y: number];

/** Where things stand in the plot, in pixels from its upper left corner. */
export interface Roofline {
  /** Of an intensity in flop/byte, and of a rate in GFLOP/s. */
  place(intensity: number, gflops: number): Point;
  /** From the left along the bandwidth of memory to the ridge, then along the multiply-adds. */
  readonly roof: readonly [Point, Point, Point];
  /** The same of the fastest copy, which may be one within a cache. */
  readonly cacheRoof: readonly [Point, Point, Point];
  readonly ticks: { readonly x: readonly number[]; readonly y: readonly number[] };
}

/**
 * The axes and roofs of a report: on logarithmic axes a bandwidth is a line of slope 1, and meets the
 * rate of multiply-adds at the ridge, rate / bandwidth.
 */
export function rooflineOf({
  ceilings,
  kernels,
}: Pick<BenchReport, "ceilings" | "kernels">): Roofline {
  const { fmaGflops, copyGBps, copies } = ceilings;
  const cacheGBps = Math.max(copyGBps, ...copies.map(({ gbps }) => gbps));
  const intensities = [fmaGflops / copyGBps, fmaGflops / cacheGBps, ...kernels.map(intensityOf)];
  const rates = [fmaGflops, ...kernels.map(({ gflops }) => gflops)];
  const domain = (values: readonly number[]) => [
    Math.min(...values) / ROOM,
    Math.max(...values) * ROOM,
  ];
  const [low, high] = domain(intensities) as [number, number];
  const x = scaleLog().domain([low, high]).range([0, plotWidth]);
  const y = scaleLog()
    .domain(domain([...rates, low * copyGBps]))
    .range([size.height, 0]);
  const place = (intensity: number, gflops: number): Point => [x(intensity), y(gflops)];
  const roofOf = (gbps: number): Roofline["roof"] => [
    place(low, low * gbps),
    place(fmaGflops / gbps, fmaGflops),
    place(high, fmaGflops),
  ];
  const decades = (values: readonly number[]) =>
    values.filter((value) => Number.isInteger(Math.round(1e6 * Math.log10(value)) / 1e6));
  return {
    place,
    roof: roofOf(copyGBps),
    cacheRoof: roofOf(cacheGBps),
    ticks: { x: decades(x.ticks()), y: decades(y.ticks()) },
  };
}

/**
 * An SVG file of all kernels under the adapter's roofline (Williams, Waterman and Patterson 2009): what
 * they compute for a byte that has to move, against what they compute in a second.
 */
export function rooflineSvg(report: BenchReport): string {
  // Without an operation there is no place on a logarithmic axis.
  const kernels = report.kernels.filter(({ gflops, gbps }) => gflops > 0 && gbps > 0);
  const roofline = rooflineOf({ ceilings: report.ceilings, kernels });
  const { place, roof, cacheRoof, ticks } = roofline;
  const names = [...new Set(kernels.map(({ name }) => familyOf(name)))];
  const legend = drawLegend(names, {
    left: size.left,
    top: size.top + size.height + 70,
    width: plotWidth,
  });
  const { fmaGflops, copyGBps } = report.ceilings;
  const cacheGBps = Math.max(copyGBps, ...report.ceilings.copies.map(({ gbps }) => gbps));
  const ridge = fmaGflops / copyGBps;
  const points = kernels.map((kernel) => {
    const share = `${percent(kernel.fractionOfCeiling)} of its ceiling`;
    const title = `${kernel.name}/${kernel.shape}: ${short(kernel.gflops)} GFLOP/s, ${short(kernel.gbps)} GB/s, ${share}`;
    const family = names.indexOf(familyOf(kernel.name));
    return drawMarks(family, [place(intensityOf(kernel), kernel.gflops)], MARK, title);
  });
  const texts = textsOf(
    kernels,
    roofline,
    [
      { line: roof, text: `copy ${short(copyGBps)} GB/s` },
      ...(cacheGBps > copyGBps
        ? [{ line: cacheRoof, text: `in caches ${short(cacheGBps)} GB/s` }]
        : []),
    ],
    `multiply-adds ${short(fmaGflops)} GFLOP/s`,
  );
  return markup`<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${legend.bottom}" viewBox="0 0 ${size.width} ${legend.bottom}" role="img" aria-labelledby="title description">
<title id="title">${`Roofline of ${report.adapter}, ${report.runtime}`}</title>
<desc id="description">${`${kernels.length} kernels. Multiply-adds at ${short(fmaGflops)} GFLOP/s and copies at ${short(copyGBps)} GB/s meet at ${short(ridge)} flop/byte; the fastest copy moves ${short(cacheGBps)} GB/s.`}</desc>
<style>${scatterStyle}</style>
<rect class="paper" width="${size.width}" height="${legend.bottom}"/>
<text class="label" x="${size.left}" y="24">${`${report.adapter}, ${report.runtime}`}</text>
<g transform="translate(${size.left} ${size.top})">
${ticks.x.map((value) => xTick(value, place(value, 1)[0]))}
${ticks.y.map((value) => yTick(value, place(1, value)[1]))}
<text class="muted" x="${plotWidth / 2}" y="${size.height + 46}" text-anchor="middle">operations for each byte that has to move, flop/byte</text>
<text class="muted" transform="translate(-44 ${size.height / 2}) rotate(-90)" text-anchor="middle">GFLOP/s</text>
<svg width="${plotWidth}" height="${size.height}">
<path class="axis cache" fill="none" stroke-width="1.5" stroke-dasharray="5 4" d="${pathOf(cacheRoof)}"/>
<path class="axis roof" fill="none" stroke-width="2.5" d="${pathOf(roof)}"/>
<g class="points">
${points}</g>
</svg>
${texts.map(drawText)}</g>
${legend.content}
</svg>
`.text;
}

function pathOf(points: readonly Point[]): string {
  return points
    .map(([x, y], i) => `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join("");
}

/** A text of the plot: where its middle is, how it is turned, and the point that it belongs to. */
export interface PlacedText {
  readonly text: string;
  readonly style: "label" | "muted";
  readonly x: number;
  readonly y: number;
  /** Degrees. */
  readonly angle: number;
  /** Boxes that it covers. */
  readonly boxes: readonly Label[];
  readonly of?: Point;
}

const TEXT_HEIGHT = 20;
/** A text farther from its point than this has a line to it. */
const LONGEST_GAP = 14;
/** In a wide font, with the halo. */
const widthOf = (text: string): number => 0.92 * LETTER * text.length + 4;
const room = { width: plotWidth, height: size.height };

/** The box of a kernel's mark. */
const markBox = ([x, y]: Point): Label => ({ x, y, width: MARK + 6, height: MARK + 6 });

/** Where no text may be: marks, and the roofs. */
export function obstaclesOf(
  kernels: readonly KernelMeasurement[],
  { place, roof, cacheRoof }: Roofline,
): Label[] {
  const marks = kernels.map((kernel) => markBox(place(intensityOf(kernel), kernel.gflops)));
  return [...marks, ...alongLine(roof, 3), ...alongLine(cacheRoof, 3)];
}

/**
 * The texts of the plot, which cover neither marks nor roofs nor each other: what the roofs are, and the
 * names of the families beside their fastest kernels, with the share of the ceiling.
 */
export function textsOf(
  kernels: readonly KernelMeasurement[],
  roofline: Roofline,
  slopes: readonly { readonly line: Roofline["roof"]; readonly text: string }[],
  flat: string,
): PlacedText[] {
  const obstacles = obstaclesOf(kernels, roofline);
  const taken = [...obstacles];
  const texts: PlacedText[] = [];
  const add = (text: PlacedText) => {
    texts.push(text);
    taken.push(...text.boxes);
  };
  const wide = widthOf(flat);
  add(straight(flat, "muted", plotWidth - 6 - wide / 2, roofline.roof[2][1] - 14));
  for (const { line, text } of slopes) add(alongSlope(line, text, taken));
  const fastest = new Map<string, KernelMeasurement>();
  for (const kernel of kernels) {
    const family = familyOf(kernel.name);
    if (kernel.gflops > (fastest.get(family)?.gflops ?? 0)) fastest.set(family, kernel);
  }
  const names = [...fastest].map(([family, k]) => `${family} ${percent(k.fractionOfCeiling)}`);
  const points = [...fastest.values()].map((k) => roofline.place(intensityOf(k), k.gflops));
  const wanted = points.map(([x, y], i) => {
    return { x, y, width: widthOf(names[i] as string), height: TEXT_HEIGHT };
  });
  for (const [i, point] of wanted.entries()) {
    const [{ x, y }] = placeBeside([point], taken, room) as [Label];
    const text = { ...straight(names[i] as string, "label", x, y), of: points[i] as Point };
    add({ ...text, boxes: [...text.boxes, ...alongLine(leaderOf(text), 4)] });
  }
  return texts;
}

function straight(text: string, style: PlacedText["style"], x: number, y: number): PlacedText {
  return {
    ...{ text, style, x, y, angle: 0 },
    boxes: [{ x, y, width: widthOf(text), height: TEXT_HEIGHT }],
  };
}

/** What a bandwidth is, along the sloping part of its roof: where most room is, above it or below. */
function alongSlope(
  [start, ridge]: Roofline["roof"],
  text: string,
  taken: readonly Label[],
): PlacedText {
  const [dx, dy] = [ridge[0] - start[0], ridge[1] - start[1]];
  const length = Math.hypot(dx, dy);
  const [ux, uy] = [dx / length, dy / length];
  const half = widthOf(text) / 2;
  let best: PlacedText | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let at = half + 4; at <= Math.max(half + 4, length - half - 4); at += 6)
    for (const off of [14, -14, 20, -20]) {
      const [x, y] = [start[0] + at * ux - off * uy, start[1] + at * uy + off * ux];
      const ends = [-half, half].map((t) => [x + t * ux, y + t * uy] as const);
      const boxes = alongLine(ends, 12);
      const covered = boxes.reduce(
        (sum, box) => sum + taken.reduce((all, other) => all + overlap(box, other), 0),
        0,
      );
      if (covered >= least) continue;
      const angle = (Math.atan2(dy, dx) * 180) / Math.PI;
      [best, least] = [{ ...{ text, style: "muted", x, y, angle }, boxes }, covered];
    }
  return best as PlacedText;
}

/** The line from a point to the nearest edge of a text that is not right beside it; else none. */
function leaderOf({
  text,
  x,
  y,
  of,
}: Pick<PlacedText, "text" | "x" | "y"> & { readonly of?: Point | undefined }): Point[] {
  if (!of) return [];
  const nearest = (value: number, centre: number, half: number) =>
    Math.min(centre + half, Math.max(centre - half, value));
  const to: Point = [nearest(of[0], x, widthOf(text) / 2), nearest(of[1], y, TEXT_HEIGHT / 2)];
  return Math.hypot(to[0] - of[0], to[1] - of[1]) > LONGEST_GAP ? [of, to] : [];
}

function drawText({ text, style, x, y, angle, of }: PlacedText): Markup {
  const turned = angle === 0 ? "" : ` rotate(${angle.toFixed(1)})`;
  const [from, to] = leaderOf({ text, x, y, of });
  const leader =
    from && to
      ? markup`<path class="leader" d="M${from[0].toFixed(1)} ${from[1].toFixed(1)}L${to[0].toFixed(1)} ${to[1].toFixed(1)}"/>`
      : undefined;
  return markup`${leader}<text class="${style}" transform="translate(${x.toFixed(1)} ${y.toFixed(1)})${turned}" y="5" text-anchor="middle">${text}</text>
`;
}

function xTick(value: number, x: number): Markup {
  return markup`<path class="grid" d="M${x.toFixed(1)} 0V${size.height}"/><text class="muted" x="${x.toFixed(1)}" y="${size.height + 20}" text-anchor="middle">${short(value)}</text>
`;
}

function yTick(value: number, y: number): Markup {
  return markup`<path class="grid" d="M0 ${y.toFixed(1)}H${plotWidth}"/><text class="muted" x="-7" y="${(y + 4.5).toFixed(1)}" text-anchor="end">${short(value)}</text>
`;
}
