import { balancedIndices, imagesAt } from "../data/image-batch.ts";
import type { Dataset } from "../data/types.ts";
import type { Host } from "../host/host.ts";
import { principalComponents, project } from "../math/principal-components.ts";
import { Codec } from "../models/codec.ts";
import { HostRandom } from "../nn/initialisers.ts";
import { withRun } from "../train/open-run.ts";
import { loadRunData, type RunDataPlace, type RunDataWatch } from "../train/run-data.ts";
import { type FigureOptions, originOf } from "./drawing.ts";
import { type ScatterClass, scatterSvg } from "./scatter.ts";
import { counted, listed } from "./text.ts";

/** The spread of points over the row of their class is drawn from a stream of its own. */
const JITTER_STREAM = 2002;

/** Classes that the description names. */
const MOST_NAMES = 20;

/** An axis of the scatter plot. */
export interface EmbedAxis {
  readonly title: string;
  /** Of the variance of the posterior means, where the axis is a principal component. */
  readonly share?: number;
}

export interface Embedded {
  readonly figure: string;
  /** Images. */
  readonly n: number;
  readonly axes: readonly EmbedAxis[];
}

/** `embed`: posterior means of test images by class, as an SVG file. */
export async function embed(
  run: string,
  options: FigureOptions & RunDataPlace & { readonly count: number },
  host: Host,
  told: RunDataWatch = {},
): Promise<Embedded> {
  return withRun(run, options, host, async ({ device, model, folder, config, checkpoint }) => {
    const dataset = await loadRunData(config, host, options, told);
    const codec = new Codec(device, model, config.image);
    const indices = balancedIndices(dataset.test, options.count);
    const codes = await codec.encode(imagesAt(dataset.test, codec.image, indices));
    const { svg, axes } = drawScatter(codes, dataset, indices, originOf(checkpoint));
    const bytes = new TextEncoder().encode(svg);
    return {
      figure: await folder.writeFigure("latent.svg", bytes, options.out),
      n: indices.length,
      axes,
    };
  });
}

/**
 * Two latent dimensions as they are; of more the two principal components; a single one along x, with
 * one row for each class.
 *
 * @param codes posterior means of the test images at `indices`, [indices, latent]
 * @param origin whose weights they are
 */
export function drawScatter(
  codes: Float32Array,
  dataset: Pick<Dataset, "name" | "test" | "classNames">,
  indices: readonly number[],
  origin: string,
): { svg: string; axes: readonly EmbedAxis[] } {
  const latent = codes.length / indices.length;
  const { values, axes } = place(codes, indices.length, latent);
  const random = new HostRandom(0, JITTER_STREAM).uniform(indices.length);
  const labels = dataset.test.labels;
  const there = [...new Set(indices.map((index) => labels[index]!))].sort((a, b) => a - b);
  const row = new Map(there.map((label, i) => [label, i]));
  const points = there.map((): (readonly [number, number])[] => []);
  for (const [i, index] of indices.entries()) {
    const own = row.get(labels[index]!)!;
    const y = axes.length > 1 ? values[2 * i + 1]! : own + 0.2 + 0.6 * random[i]!;
    points[own]!.push([values[axes.length * i]!, y]);
  }
  const classes = there.map((label, i): ScatterClass => {
    return { name: dataset.classNames[label] ?? String(label), points: points[i]! };
  });
  const names = classes.map(({ name }) => name);
  const some = names.length > MOST_NAMES ? [...names.slice(0, MOST_NAMES), "others"] : names;
  const [first, second] = axes;
  const along = second ? `${first!.title} to the right, ${second.title} upwards` : first!.title;
  const svg = scatterSvg({
    title: `Posterior means of ${counted(indices.length, "test image")} of ${dataset.name} by class`,
    description: `Scatter plot: ${along}. Classes: ${listed(some)}. ${origin}`,
    xTitle: first!.title,
    ...(second ? { yTitle: second.title } : {}),
    classes,
  });
  return { svg, axes };
}

/** Coordinates, [count, axes]. */
function place(codes: Float32Array, count: number, latent: number) {
  if (latent <= 2) {
    const axes = Array.from({ length: latent }, (_, i): EmbedAxis => {
      return { title: `latent dimension ${i + 1}` };
    });
    return { values: codes, axes };
  }
  const principal = principalComponents(codes, count, 2);
  const axes = principal.components.map(({ share }, i): EmbedAxis => {
    const title = `principal component ${i + 1}: ${Math.round(100 * share)} % of the variance`;
    return { title, share };
  });
  return { values: project(codes, count, principal), axes };
}
