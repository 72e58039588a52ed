import type { Host } from "../host/host.ts";
import { Codec } from "../models/codec.ts";
import { withRun } from "../train/open-run.ts";
import { type Drawing, type FigureOptions, originOf, writeDrawing } from "./drawing.ts";
import { tileGrid } from "./grid.ts";
import { latentGrid } from "./latent-grid.ts";

/** `manifold`: decodes a grid over the first two latent dimensions. */
export async function manifold(
  run: string,
  options: FigureOptions & { readonly size: number },
  host: Host,
): Promise<{ figure: string }> {
  return withRun(run, options, host, async ({ device, model, folder, config, checkpoint }) => {
    const codec = new Codec(device, model, config.image);
    const drawing = await drawManifold(codec, options);
    const origin = originOf(checkpoint);
    return { figure: await writeDrawing(folder, "manifold", drawing, origin, options.out) };
  });
}

/** The decoder over a grid of quantiles of the prior. */
export async function drawManifold(
  codec: Codec,
  { size }: { readonly size: number },
): Promise<Drawing> {
  // Of a model that is told a class, the grid shows the first.
  const labels = new Uint32Array(size ** 2);
  const { latent } = codec;
  const { mean, deviation, own } = await codec.priorScale();
  const z = latentGrid(size, latent).map((q, i) => mean[i % latent]! + deviation[i % latent]! * q);
  const images = await codec.decode(z, size ** 2, labels);
  const others =
    latent > 2 ? `; the other dimensions are ${own ? "at the prior's mean" : "0"}` : "";
  const of = own ? "a normal distribution with the mean and deviation of the prior" : "the prior";
  return {
    picture: tileGrid(images, { columns: size }),
    description: `The decoder over ${size} × ${size} points of the first two latent dimensions, at quantiles of ${of}: the first dimension grows to the right, the second upwards${others}.`,
  };
}
