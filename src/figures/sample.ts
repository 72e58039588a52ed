import type { Host } from "../host/host.ts";
import { Codec } from "../models/codec.ts";
import { withRun } from "../train/open-run.ts";
import { type Drawing, type FigureOptions, originOf, writeDrawing } from "./drawing.ts";
import { imageGrid } from "./grid.ts";
import { counted } from "./text.ts";

/** Classes that still have a column each. */
const MOST_COLUMNS = 32;

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

/** Pictures decoded from draws from the prior; of a model that knows classes, a column for each. */
export async function drawSamples(
  codec: Codec,
  { count, seed }: { readonly count: number; readonly seed: number },
): Promise<Drawing> {
  const z = await codec.draw(count, seed);
  const columns = codec.classes > 1 && codec.classes <= MOST_COLUMNS ? codec.classes : undefined;
  const classes = columns ? `, the ${columns} classes in turn` : "";
  return {
    picture: imageGrid(await codec.decode(z, count), columns ? { columns } : {}),
    description: `${counted(count, "picture")} decoded from random points of the prior${classes}, seed ${seed}.`,
  };
}
