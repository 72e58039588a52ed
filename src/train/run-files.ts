import { joinPath } from "../data/paths.ts";
import { anotherKind } from "../formats/file-kinds.ts";
import { isObject, parseJson } from "../formats/json.ts";
import { CheckpointError, DataError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { type MetricRecord, parseMetrics } from "./metrics.ts";
import type { CheckpointFile } from "./model-file.ts";

export const configFile = "config.json";
/** Key of a run's facts in its config.json; whoever reads it as a configuration skips them. */
export const factsKey = "run";
export const metricsFile = "metrics.jsonl";
export const csvFile = "metrics.csv";
export const reportFile = "report.html";
export const lockFile = ".latentgrad-lock";
export const checkpointFolder = "checkpoints";
export const figureFolder = "figures";
export const onnxFolder = "onnx";
export const eventFolder = "tensorboard";
/** TensorBoard reads files with "tfevents" in their name. */
export const eventFile = `${eventFolder}/events.out.tfevents.latentgrad`;
/** What a run draws; other files among its figures are the user's. */
const drawn = [
  ...["reconstructions", "samples", "manifold", "traversal", "interpolation"].map(
    (n) => `${n}.png`,
  ),
  "curves.svg",
  "latent.svg",
];
/** What `export` makes of a run. */
const exported = ["encoder.onnx", "decoder.onnx"];
/** Checkpoints that a run writes. */
const written = /^(last|best|diverged|epoch-\d{6,})\.safetensors$/;

/** Which files a run has, where they lie, and what is in them. File trouble throws IoError. */
export abstract class RunFiles {
  protected constructor(
    readonly path: string,
    protected readonly host: Host,
  ) {}

  protected file(name: string): string {
    return name === "" ? this.path : joinPath(this.path, name);
  }

  protected async namesIn(folder: string): Promise<string[]> {
    const path = this.file(folder);
    return (await this.host.stat(path))?.kind === "directory" ? this.host.list(path) : [];
  }

  private async readText(path: string): Promise<string> {
    const bytes = await this.host.readFile(path);
    const other = anotherKind(bytes, "json", "text", "empty");
    if (other !== undefined) throw new DataError(`${path}: this is ${other}, expected JSON`);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      throw new DataError(`${path}: not UTF-8`);
    }
  }

  /** Where checkpoints/NAME.safetensors lies. */
  checkpoint(name: string): string {
    return joinPath(this.file(checkpointFolder), `${name}.safetensors`);
  }

  /** The text of config.json, and its path for errors. Throws DataError where it is not UTF-8. */
  async readConfig(): Promise<{ text: string; path: string }> {
    const path = this.file(configFile);
    return { text: await this.readText(path), path };
  }

  /**
   * The lines of metrics.jsonl; none where there is no file. A last line that a crash cut off is left
   * out. Throws DataError naming any other line that is not a record.
   */
  async readMetrics(): Promise<MetricRecord[]> {
    const path = this.file(metricsFile);
    if ((await this.host.stat(path)) === undefined) return [];
    return parseMetrics(await this.readText(path), path);
  }

  /** Names of the checkpoints, sorted. */
  async checkpoints(): Promise<string[]> {
    const ending = ".safetensors";
    const names = await this.namesIn(checkpointFolder);
    return names
      .filter((name) => name.endsWith(ending))
      .map((name) => name.slice(0, -ending.length));
  }

  /** Whether the run has a checkpoint, or something in its place that reading it will name. */
  async hasCheckpoint(name = "last"): Promise<boolean> {
    return (await this.host.stat(this.checkpoint(name))) !== undefined;
  }

  /** Reads checkpoints/NAME.safetensors. Throws CheckpointError where there is none. */
  async readCheckpoint(name = "last"): Promise<CheckpointFile> {
    const path = this.checkpoint(name);
    if (!(await this.hasCheckpoint(name))) {
      const there = await this.checkpoints();
      const what =
        there.length > 0 ? `there are ${there.join(", ")}` : "the run has saved none yet";
      throw new CheckpointError(`${path}: no such checkpoint; ${what}`);
    }
    return { bytes: await this.host.readFile(path), path };
  }

  /** The figures' file names, sorted. */
  async figures(): Promise<string[]> {
    const names = await this.namesIn(figureFolder);
    return names.filter((name) => name.endsWith(".png") || drawn.includes(name));
  }

  /** Reads figures/NAME, with its ending. */
  readFigure(name: string): Promise<Uint8Array> {
    return this.host.readFile(joinPath(this.file(figureFolder), name));
  }

  /** TensorBoard's event file; empty where there is none. */
  async readEvents(): Promise<Uint8Array> {
    const path = this.file(eventFile);
    const there = (await this.host.stat(path)) !== undefined;
    return there ? this.host.readFile(path) : new Uint8Array();
  }

  /** The files that a run writes, as far as they are there; config.json is the last. */
  protected async files(): Promise<string[]> {
    const inside = async (folder: string, ours: (name: string) => boolean) => {
      const names = await this.namesIn(folder);
      return names.filter(ours).map((name) => joinPath(this.file(folder), name));
    };
    const paths = [
      ...[metricsFile, csvFile, reportFile, eventFile].map((name) => this.file(name)),
      ...(await inside(checkpointFolder, (name) => written.test(name))),
      ...(await inside(figureFolder, (name) => drawn.includes(name))),
      ...(await inside(onnxFolder, (name) => exported.includes(name))),
      this.file(configFile),
    ];
    const found: string[] = [];
    for (const path of paths) if ((await this.host.stat(path))?.kind === "file") found.push(path);
    return found;
  }

  /** Whether config.json is that of a run. */
  protected async holdsRun(): Promise<boolean> {
    if ((await this.host.stat(this.file(configFile)))?.kind !== "file") return false;
    try {
      const config = parseJson((await this.readConfig()).text);
      return isObject(config) && typeof config.model === "string" && isObject(config[factsKey]);
    } catch {
      return false;
    }
  }
}
