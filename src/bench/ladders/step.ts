import type { Call } from "../../gpu/call.ts";
import type { TexelReads } from "../../gpu/target.ts";
import { texelLoad, textureType } from "../../gpu/textures.ts";
import { Value } from "../../gpu/value.ts";
import { bytesOf } from "../../kernels/epilogue.ts";
import { sumPartials } from "../../kernels/partials.ts";
import { specialise } from "../../kernels/specialise.ts";
import type { Rung } from "../ladder.ts";

/** What a ladder knows of one of its files. */
export interface StepOptions {
  readonly workgroups: readonly [number, number, number];
  /** The shader reads its inputs through textures. */
  readonly textures?: boolean;
  /** Shares of the sum that a second pass adds up. */
  readonly splits?: number;
  readonly from?: string;
  readonly feature?: Rung["feature"];
  readonly half?: true;
  readonly unfit?: string | undefined;
}

/** What the header of a file in `shaders/ladder/` says is new in its step. */
export function ideaOf(text: string): string {
  const idea = text.match(/^\/\/ Step \d+, ([^:]+):/m)?.[1];
  if (idea === undefined) throw new Error("the file does not say what is new in its step");
  return idea.replace(/\n\/\/ /g, " ");
}

/** Makes sampled textures, as the files have them, the kind that the device fills for a kernel. */
function asTextures(text: string, reads: TexelReads): string {
  return text
    .replaceAll(textureType("sampled"), textureType(reads))
    .replace(/textureLoad\((\w+), (vec2u\([^()]*\)), 0\)/g, (_, name, place) =>
      texelLoad(reads, name, place),
    );
}

/**
 * A rung that is a file of its own.
 *
 * @param constants the shape, as the file's constants
 */
export function fileRung(
  name: string,
  text: string,
  ladder: { readonly constants: Readonly<Record<string, number>>; readonly flops: number },
  options: StepOptions,
): Rung {
  const { workgroups, textures, splits = 1, from, feature, half, unfit } = options;
  return {
    name,
    idea: ideaOf(text),
    ...(from ? { from } : {}),
    ...(feature ? { feature } : {}),
    ...(half ? { half } : {}),
    ...(unfit === undefined ? {} : { unfit }),
    calls(inputs, output) {
      const { device, size } = output;
      const result = splits === 1 ? output : new Value(device, "f32", splits * size, "the shares");
      const call: Call = {
        op: name,
        inputs,
        outputs: [result],
        updates: [],
        ...(textures ? { textures: [...inputs.keys()] } : {}),
        kernel: () => ({
          name,
          code: specialise(textures ? asTextures(text, device.target.textures.reads) : text, {
            op: name,
            sizeBound: device.target.tiles.characters,
            constants: { ...ladder.constants, ...(splits === 1 ? {} : { SPLITS: splits }) },
          }),
          workgroups,
          flops: ladder.flops,
          bytes: bytesOf([...inputs, result]),
        }),
      };
      return splits === 1 ? [call] : [call, ...sumPartials(name, result, splits, output)];
    },
  };
}
