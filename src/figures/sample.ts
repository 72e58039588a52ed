import type { Host } from "../host/host.ts";
import { HostRandom } from "../nn/initialisers.ts";
import { withRun } from "../train/open-run.ts";
import { Codec } from "./codec.ts";
import { type Drawing, type FigureOptions, originOf, writeDrawing } from "./drawing.ts";
import { imageGrid } from "./grid.ts";
import { counted } from "./text.ts";

/** Random points of the prior are drawn from a stream of their own. */
const SAMPLE_STREAM = 2000;

/** `sample`: decodes draws from the prior into a grid. */
export async function sample(
  run: string,
  options: FigureOptions & { readonly count: number; readonly seed: number },
  host: Host,
): Promise<{ figure: string }> {
  return withRun(run, options, host, async ({ device, model, folder, config, checkpoint }) => {
    const codec = new Codec(device, model, config.image);
    const drawing = await drawSamples(codec, options);
    const origin = originOf(checkpoint);
    return { figure: await writeDrawing(folder, "samples", drawing, origin, options.out) };
  });
}

/** Pictures decoded from draws from the prior N(0, I). */
export async function drawSamples(
  codec: Codec,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<Drawing> {
  const z = priorDraws(count, codec.latent, seed);
  return {
    picture: imageGrid(await codec.decode(z, count)),
    description: `${counted(count, "picture")} decoded from random points of the prior, seed ${seed}.`,
  };
}

/** [count, latent], standard normal. */
export function priorDraws(count: number, latent: number, seed: number): Float32Array {
  return new HostRandom(seed, SAMPLE_STREAM).normal(count * latent);
}
