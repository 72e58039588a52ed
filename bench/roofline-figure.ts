import { scaleLog } from "d3-scale";
import type { KernelMeasurement } from "../src/bench/kernels.ts";
import type { BenchReport } from "../src/bench/run.ts";
import { drawLegend, LETTER } from "../src/figures/class-legend.ts";
import { spread } from "../src/figures/labels.ts";
import { type Markup, markup } from "../src/figures/markup.ts";
import { classColour } from "../src/figures/palette.ts";
import { scatterStyle } from "../src/figures/scatter-style.ts";
import { short } from "../src/figures/text.ts";

const size = { width: 760, left: 64, right: 20, top: 44, height: 420 } as const;
const plotWidth = size.width - size.left - size.right;
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
    const [x, y] = place(intensityOf(kernel), kernel.gflops);
    const share = `${percent(kernel.fractionOfCeiling)} of its ceiling`;
    return markup`<path class="points" stroke="${classColour(names.indexOf(familyOf(kernel.name)))}" stroke-width="8" stroke-linecap="round" d="M${x.toFixed(1)} ${y.toFixed(1)}h0"><title>${`${kernel.name}/${kernel.shape}: ${short(kernel.gflops)} GFLOP/s, ${short(kernel.gbps)} GB/s, ${share}`}</title></path>
`;
  });
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
${points}
</svg>
${roofText(roof, `copy ${short(copyGBps)} GB/s`, 18)}
${cacheGBps > copyGBps ? roofText(cacheRoof, `in caches ${short(cacheGBps)} GB/s`, -10) : undefined}
<text class="muted" x="${plotWidth - 6}" y="${(roof[2][1] - 9).toFixed(1)}" text-anchor="end">${`multiply-adds ${short(fmaGflops)} GFLOP/s`}</text>
${labels(kernels, roofline)}
</g>
${legend.content}
</svg>
`.text;
}

function pathOf(points: readonly Point[]): string {
  return points
    .map(([x, y], i) => `${i === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`)
    .join("");
}

/** What a bandwidth is, along the sloping part of its roof; positive `off` is below it. */
function roofText([start, ridge]: Roofline["roof"], text: string, off: number): Markup {
  const angle = (Math.atan2(ridge[1] - start[1], ridge[0] - start[0]) * 180) / Math.PI;
  // Near the left end, where hardly any kernel is.
  const [x, y] = [0, 1].map((axis) => 0.8 * start[axis]! + 0.2 * ridge[axis]!) as [number, number];
  return markup`<text class="muted" transform="translate(${x.toFixed(1)} ${y.toFixed(1)}) rotate(${angle.toFixed(1)})" y="${off}" text-anchor="middle">${text}</text>
`;
}

/** Names of the families at their fastest kernels, with the share of the ceiling. */
function labels(kernels: readonly KernelMeasurement[], { place, roof }: Roofline): Markup {
  const fastest = new Map<string, KernelMeasurement>();
  for (const kernel of kernels) {
    const family = familyOf(kernel.name);
    if (kernel.gflops > (fastest.get(family)?.gflops ?? 0)) fastest.set(family, kernel);
  }
  const texts = [...fastest].map(([family, k]) => `${family} ${percent(k.fractionOfCeiling)}`);
  const points = [...fastest.values()].map((k) => place(intensityOf(k), k.gflops));
  const ridge = roof[1][0];
  // Under the flat roof below their points, under the sloping one at their right.
  const wanted = points.map(([x, y], i) => {
    const box = { width: 0.82 * LETTER * texts[i]!.length, height: 18 };
    return x < ridge ? { x: x + box.width / 2 + 14, y, ...box } : { x, y: y + 18, ...box };
  });
  const moved = spread(wanted, { width: plotWidth, height: size.height });
  return markup`${moved.map(({ x, y }, i) => {
    const [px, py] = points[i]!;
    const { width } = wanted[i]!;
    const far = Math.hypot(x - px, y - py) > 30 + width / 2;
    return markup`${far ? markup`<path class="leader" d="M${px.toFixed(1)} ${py.toFixed(1)}L${x.toFixed(1)} ${(y - 6).toFixed(1)}"/>` : undefined}<text class="label" x="${x.toFixed(1)}" y="${(y + 5).toFixed(1)}" text-anchor="middle">${texts[i]!}</text>
`;
  })}`;
}

function xTick(value: number, x: number): Markup {
  return markup`<path class="grid" d="M${x.toFixed(1)} 0V${size.height}"/><text class="muted" x="${x.toFixed(1)}" y="${size.height + 20}" text-anchor="middle">${short(value)}</text>
`;
}

function yTick(value: number, y: number): Markup {
  return markup`<path class="grid" d="M0 ${y.toFixed(1)}H${plotWidth}"/><text class="muted" x="-7" y="${(y + 4.5).toFixed(1)}" text-anchor="end">${short(value)}</text>
`;
}
