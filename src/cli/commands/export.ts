import type { Command } from "commander";
import type { ExportedFile } from "../../train/onnx/export-run.ts";
import type { Context } from "../context.ts";
import { addCheckpoint, addRun, given } from "../figure-options.ts";
import { addCommon, addRuntime, applyCommon, type CommonOptions } from "../options.ts";
import { oneOf, path } from "../parsers.ts";

/** There is one as yet. */
const formats = ["onnx"] as const;

interface Options extends CommonOptions {
  format: (typeof formats)[number];
  checkpoint?: string;
  out?: string;
}

/** `export RUN`: encoder and decoder for other programs. */
export function addExport(program: Command, { actions, host, output }: Context): void {
  const command = program
    .command("export")
    .description("Write the encoder and the decoder as files that other programs run.")
    .option("--format <format>", "of the files: onnx", oneOf(formats), formats[0]);
  addCheckpoint(addRun(command)).option(
    "--out <dir>",
    "folder for encoder.onnx and decoder.onnx (else onnx/ in the run)",
    path,
  );
  addRuntime(command);
  addCommon(command, [
    "export runs/vae-glyphs --format onnx",
    "export runs/vae-mnist --checkpoint last --out models/mnist",
  ]).action(async (run: string, options: Options) => {
    applyCommon(options, output);
    const { format: _, ...rest } = given(options);
    const result = await actions.exportRun(run, rest, host);
    if (options.json) {
      output.json(result);
      return;
    }
    for (const part of ["encoder", "decoder"] as const)
      output.data(`${part} ${result[part].file}  ${signature(result[part])}`);
  });
}

/** `image [batch, 1, 28, 28] → mean [batch, 2], log_variance [batch, 2]` */
function signature({ inputs, outputs }: ExportedFile): string {
  const list = (values: ExportedFile["inputs"]) =>
    values.map(({ name, shape }) => `${name} [${shape.join(", ")}]`).join(", ");
  return `${list(inputs)} → ${list(outputs)}`;
}
