import { encodePng, type Picture } from "../formats/png.ts";
import type { OpenRun } from "../train/open-run.ts";
import { whole } from "./text.ts";

/** What every figure command takes. */
export interface FigureOptions {
  /** Which checkpoint; default: the best. */
  readonly checkpoint?: string | undefined;
  /** Where the figure goes; default: into the run folder. */
  readonly out?: string | undefined;
}

/** A picture and what it shows, in one or two sentences. */
export interface Drawing {
  readonly picture: Picture;
  readonly description: string;
}

/**
 * Writes a drawing as figures/NAME.png, or to `out`; returns its path. The file says in its description
 * what it shows and whose weights made it.
 *
 * @param origin the weights, as `originOf` says it
 */
export async function writeDrawing(
  folder: Pick<OpenRun["folder"], "writeFigure">,
  name: string,
  { picture, description }: Drawing,
  origin: string,
  out?: string,
): Promise<string> {
  const png = await encodePng(picture, `${description} ${origin}`);
  return folder.writeFigure(name, png, out);
}

/** `Weights: best checkpoint, epoch 12, step 5,616.` */
export function originOf({ name, epoch, step }: OpenRun["checkpoint"]): string {
  const place = epoch > 0 ? `epoch ${whole(epoch)}, step ${whole(step)}` : `step ${whole(step)}`;
  return `Weights: ${name} checkpoint, ${place}.`;
}
