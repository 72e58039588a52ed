import { firstIndices, imagesAt } from "../data/image-batch.ts";
import type { Split } from "../data/types.ts";
import { UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { evaluateTest } from "../metrics/evaluate.ts";
import { Codec } from "../models/codec.ts";
import { withRun } from "../train/open-run.ts";
import { loadRunData, type RunDataPlace, type RunDataWatch } from "../train/run-data.ts";
import { type Drawing, type FigureOptions, originOf, writeDrawing } from "./drawing.ts";
import { pairGrid } from "./grid.ts";
import { counted } from "./text.ts";

/** What `reconstruct` found; loss terms in nats per sample, summed over pixels or latent dimensions. */
export interface Reconstructed {
  readonly figure: string;
  readonly reconstruction: number;
  /** Of a model that has one. */
  readonly kl?: number;
  /** Standard deviations over the images. */
  readonly sd: { readonly reconstruction: number; readonly kl?: number };
  /** Images. */
  readonly n: number;
}

/** `reconstruct`: test images above their reconstructions, and the loss terms on the test images. */
export async function reconstruct(
  run: string,
  options: FigureOptions & RunDataPlace & { readonly count: number },
  host: Host,
  told: RunDataWatch = {},
): Promise<Reconstructed> {
  return withRun(run, options, host, async (open) => {
    const { device, model, folder, config, checkpoint } = open;
    const dataset = await loadRunData(config, host, options, told);
    if (!model.decode) throw new UsageError(`reconstruct: ${config.entry.name} has no decoder`);
    const { reconstruction, kl } = await evaluateTest(open, dataset);
    const codec = new Codec(device, model, config.image);
    const drawing = await drawReconstructions(codec, dataset.test, options);
    const origin = originOf(checkpoint);
    return {
      figure: await writeDrawing(folder, "reconstructions", drawing, origin, options.out),
      reconstruction: reconstruction!.mean,
      ...(kl ? { kl: kl.mean } : {}),
      sd: { reconstruction: reconstruction!.sd, ...(kl ? { kl: kl.sd } : {}) },
      n: dataset.test.count,
    };
  });
}

/** The first images of a split above what the decoder makes of their posterior means. */
export async function drawReconstructions(
  codec: Codec,
  split: Split,
  options: { readonly count: number },
): Promise<Drawing> {
  const originals = imagesAt(split, codec.image, firstIndices(split, options.count));
  const { count } = originals;
  const decoded = await codec.decode(await codec.encode(originals), count, originals.labels);
  return {
    picture: pairGrid(originals, decoded),
    description: `${counted(count, "test image")}, and below each what the decoder makes of its posterior mean.`,
  };
}
