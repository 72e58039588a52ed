import { OPSET } from "../../formats/onnx.ts";
import { afterFailure } from "../../gpu/clean-up.ts";
import type { Host } from "../../host/host.ts";
import { parseSettings, settingsTexts } from "../../settings/settings.ts";
import { type OpenRun, type OpenRunOptions, withRun } from "../open-run.ts";
import { type OnnxFile, writeNetworks } from "./export.ts";

/** What a file takes or gives. */
export interface ExportedValue {
  readonly name: string;
  readonly type: "float32" | "int64";
  /** A length that may be any has a name. */
  readonly shape: readonly (number | string)[];
}

export interface ExportedFile {
  readonly file: string;
  readonly inputs: readonly ExportedValue[];
  readonly outputs: readonly ExportedValue[];
}

/** What `export` prints as JSON. */
export interface Exported {
  readonly format: "onnx";
  readonly opset: number;
  readonly encoder: ExportedFile;
  readonly decoder: ExportedFile;
}

/** `export`: writes encoder.onnx and decoder.onnx, or neither, into onnx/ of the run or another folder. */
export async function exportRun(
  run: string,
  options: OpenRunOptions & { readonly out?: string | undefined },
  host: Host,
): Promise<Exported> {
  return withRun(run, options, host, async (open) => {
    const { model, config, folder } = open;
    const { encoder, decoder } = await writeNetworks(
      model,
      config.entry.name,
      config.image,
      metadataOf(open),
    );
    const write = async (name: string, { bytes, inputs, outputs }: OnnxFile) => ({
      file: await folder.writeOnnx(name, bytes, options.out),
      inputs: inputs.map(plain),
      outputs: outputs.map(plain),
    });
    // Both are made before the first is written: what cannot be exported changes nothing.
    const first = await write("encoder", encoder);
    try {
      const second = await write("decoder", decoder);
      return { format: "onnx", opset: OPSET, encoder: first, decoder: second };
    } catch (error) {
      // An encoder alone could stand beside an earlier decoder.
      await afterFailure(() => host.remove(first.file));
      throw error;
    }
  });
}

function plain({ name, type, shape }: ExportedValue): ExportedValue {
  return { name, type, shape };
}

/** Whose weights they are. */
function metadataOf({ config, checkpoint, model }: OpenRun): Record<string, string> {
  const { entry, options, classes } = config;
  return {
    settings: JSON.stringify(settingsTexts(entry, parseSettings(entry, options.settings))),
    // No path of this machine: `folder` of `folder:PATH`.
    data: options.data.split(":")[0] as string,
    checkpoint: checkpoint.name,
    epoch: String(checkpoint.epoch),
    step: String(checkpoint.step),
    ...(model.classes ? { classes: JSON.stringify(classes) } : {}),
  };
}
