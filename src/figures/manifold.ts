import type { Host } from "../host/host.ts";
import { withRun } from "../train/open-run.ts";
import { Codec } from "./codec.ts";
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
  const images = await codec.decode(latentGrid(size, codec.latent), size ** 2, labels);
  const others = codec.latent > 2 ? "; the other dimensions are 0" : "";
  return {
    picture: tileGrid(images, { columns: size }),
    description: `The decoder over ${size} × ${size} points of the first two latent dimensions, at quantiles of the prior: the first dimension grows to the right, the second upwards${others}.`,
  };
}
