import { joinPath } from "../data/paths.ts";
import type { Host } from "../host/host.ts";

/** A checkpoint that is in no run folder: its pictures go beside it. */
export class LoneFile {
  constructor(
    readonly path: string,
    private readonly host: Host,
  ) {}

  /** Its name without folder and ending. */
  get name(): string {
    const file = this.path.split(/[\\/]/).at(-1) as string;
    return file.replace(/\.safetensors$/, "");
  }

  /** Writes FILE-NAME.png beside the file, or the name with its own ending, or to `out`; returns its path. */
  async writeFigure(name: string, bytes: Uint8Array, out?: string): Promise<string> {
    const file = name.includes(".") ? name : `${name}.png`;
    const folder = this.path.slice(0, this.path.length - this.path.split(/[\\/]/).at(-1)!.length);
    const path = out ?? joinPath(folder, `${this.name}-${file}`);
    await this.host.writeAtomic(path, bytes);
    return path;
  }

  /** Writes FILE-NAME.onnx beside the file, or NAME.onnx into another folder; returns its path. */
  async writeOnnx(name: string, bytes: Uint8Array, out?: string): Promise<string> {
    return this.writeFigure(
      `${name}.onnx`,
      bytes,
      out === undefined ? undefined : joinPath(out, `${name}.onnx`),
    );
  }

  /** There are no metrics to append to. */
  async appendMetrics(): Promise<void> {}
}
