import { joinPath, withParents } from "../data/paths.ts";
import { CheckpointError, DataError, UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";

/** One line of metrics.jsonl; loss terms by name, in nats per sample. */
export interface MetricRecord {
  readonly kind: "step" | "epoch" | "eval" | "event";
  readonly step: number;
  readonly epoch: number;
  readonly [term: string]: unknown;
}

const configFile = "config.json";
const metricsFile = "metrics.jsonl";
const checkpointFolder = "checkpoints";
const figureFolder = "figures";

/** Where a run is kept unless the user says otherwise. */
export function defaultRunFolder(model: string, data: string, seed: number): string {
  return `runs/${model}-${data}-${seed}`;
}

/**
 * The folder of one training run: `config.json`, `metrics.jsonl`, `checkpoints/last.safetensors` and
 * `figures/*.png`. Whole files are written atomically. File trouble throws IoError.
 */
export class RunFolder {
  /** Folders that were not there before the run, the innermost first. */
  private readonly made: string[] = [];
  /** Files in the folder are this run's, no longer an earlier one's. */
  private begun = false;

  private constructor(
    readonly path: string,
    private readonly host: Host,
  ) {}

  /**
   * A folder for a new run. Nothing is created before the first write. One that exists and is not
   * empty is refused with a UsageError, unless `force`: then the files of the run in it, and no
   * others, are removed when this run's configuration is written, so that a run that fails before
   * it has begun costs nothing.
   */
  static async create(path: string, options: { force: boolean }, host: Host): Promise<RunFolder> {
    const folder = new RunFolder(path, host);
    const found = await host.stat(path);
    if (found?.kind === "file") throw new UsageError(`${path}: a file, expected a folder`);
    if (found !== undefined && !options.force && (await host.list(path)).length > 0) {
      throw new UsageError(
        `${path} is not empty; --force replaces the run in it, --out names another folder`,
      );
    }
    return folder;
  }

  /**
   * The folder of a run that was made before. Throws UsageError where there is none, DataError where
   * the folder is no run's.
   */
  static async open(path: string, host: Host): Promise<RunFolder> {
    const found = await host.stat(path);
    if (found === undefined) throw new UsageError(`${path}: no such run folder`);
    if (found.kind === "file") throw new UsageError(`${path}: a file, expected a run folder`);
    if ((await host.stat(joinPath(path, configFile))) === undefined) {
      throw new DataError(`${path}: no ${configFile} in it, so it is not a run folder`);
    }
    const folder = new RunFolder(path, host);
    folder.begun = true;
    return folder;
  }

  /**
   * Makes the folder and tries to write in it. Throws IoError where that fails, and leaves nothing
   * behind then.
   */
  async prepare(): Promise<void> {
    for (const path of withParents(this.path)) {
      if ((await this.host.stat(path)) === undefined) this.made.push(path);
    }
    const probe = this.file(".latentgrad-probe");
    try {
      await this.host.makeDirectory(this.path);
      await this.host.writeAtomic(probe, new Uint8Array());
      await this.host.remove(probe);
    } catch (error) {
      await this.discard().catch(() => undefined);
      throw error;
    }
  }

  /** Removes the files of the run, and the folders that it made if nothing else is in them. */
  async discard(): Promise<void> {
    if (this.begun) await this.clear();
    const inside = [this.file(checkpointFolder), this.file(figureFolder)];
    for (const path of [...inside, ...this.made]) {
      const found = await this.host.stat(path);
      if (found?.kind !== "directory") continue;
      if ((await this.host.list(path)).length === 0) await this.host.remove(path);
    }
  }

  /** Begins the run: removes what an earlier one left, and writes config.json. */
  async writeConfig(config: Readonly<Record<string, unknown>>): Promise<void> {
    if (!this.begun) await this.clear();
    this.begun = true;
    await this.writeText(configFile, `${JSON.stringify(config, null, 2)}\n`);
  }

  /** Reads config.json. Throws DataError where it is not a JSON object. */
  async readConfig(): Promise<Record<string, unknown>> {
    const path = this.file(configFile);
    const bytes = await this.host.readFile(path);
    let parsed: unknown;
    try {
      parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new DataError(`${path}: not JSON (${reason.replace(/\s+/g, " ")})`);
    }
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
      throw new DataError(`${path}: not an object`);
    }
    return parsed as Record<string, unknown>;
  }

  /**
   * Appends lines to metrics.jsonl in one write. A value that is not finite becomes null, as JSON
   * has none.
   */
  async appendMetrics(records: readonly MetricRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.host.makeDirectory(this.path);
    const lines = records.map((record) => `${JSON.stringify(record)}\n`);
    await this.host.append(this.file(metricsFile), lines.join(""));
  }

  /** Writes checkpoints/NAME.safetensors; returns its path. */
  async writeCheckpoint(bytes: Uint8Array, name = "last"): Promise<string> {
    const path = this.checkpoint(name);
    await this.host.writeAtomic(path, bytes);
    return path;
  }

  /** Whether the run has a checkpoint. */
  async hasCheckpoint(name = "last"): Promise<boolean> {
    return (await this.host.stat(this.checkpoint(name)))?.kind === "file";
  }

  /** Reads checkpoints/NAME.safetensors. Throws CheckpointError where there is none. */
  async readCheckpoint(name = "last"): Promise<{ bytes: Uint8Array; path: string }> {
    const path = this.checkpoint(name);
    if ((await this.host.stat(path))?.kind !== "file") {
      throw new CheckpointError(`${path}: no such checkpoint; the run was not finished`);
    }
    return { bytes: await this.host.readFile(path), path };
  }

  /** Writes figures/NAME.png, or to `out` where the user named a file; returns its path. */
  async writeFigure(name: string, png: Uint8Array, out?: string): Promise<string> {
    const path = out ?? joinPath(this.file(figureFolder), `${name}.png`);
    await this.host.writeAtomic(path, png);
    return path;
  }

  private file(name: string): string {
    return joinPath(this.path, name);
  }

  private checkpoint(name: string): string {
    return joinPath(this.file(checkpointFolder), `${name}.safetensors`);
  }

  private async writeText(name: string, text: string): Promise<void> {
    await this.host.writeAtomic(this.file(name), new TextEncoder().encode(text));
  }

  /** Removes what an earlier run wrote. */
  private async clear(): Promise<void> {
    const inside = async (folder: string, ending: string) => {
      const path = this.file(folder);
      if ((await this.host.stat(path))?.kind !== "directory") return [];
      const names = await this.host.list(path);
      return names.filter((name) => name.endsWith(ending)).map((name) => joinPath(path, name));
    };
    const files = [
      this.file(configFile),
      this.file(metricsFile),
      ...(await inside(checkpointFolder, ".safetensors")),
      ...(await inside(figureFolder, ".png")),
    ];
    for (const path of files) {
      if ((await this.host.stat(path))?.kind === "file") await this.host.remove(path);
    }
  }
}
