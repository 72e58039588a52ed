import { joinPath, withParents } from "../data/paths.ts";
import { afterFailure, withCleanUp } from "../gpu/clean-up.ts";
import { DataError, IoError, UsageError } from "../gpu/errors.ts";
import { type Host, type Lock, temporaryFile } from "../host/host.ts";
import type { MetricRecord } from "./metrics.ts";
import {
  checkpointFolder,
  configFile,
  csvFile,
  eventFile,
  eventFolder,
  figureFolder,
  lockFile,
  metricsFile,
  onnxFolder,
  RunFiles,
  reportFile,
} from "./run-files.ts";

/** So often a folder is made that others remove. */
const TRIES = 10;

/**
 * The folder of one training run: `config.json`, `metrics.jsonl`, `checkpoints/*.safetensors`,
 * `figures/*`, `report.html`, and on request `metrics.csv` and `tensorboard/`. Whole files are written
 * atomically. File trouble throws IoError.
 */
export class RunFolder extends RunFiles {
  /** Folders that were not there before the run, the innermost first. */
  private made: readonly string[] = [];
  /** Files in the folder are this run's, no longer an earlier one's. */
  private begun = false;
  private lock: Lock | undefined;
  /** The folder is there: from then on nothing makes it anew. */
  private there = false;
  /** metrics.jsonl is known to end with a whole line. */
  private wholeLines = false;
  /** What is to be done about files that are in the folder already; an opened run's are its own. */
  private others: "refuse" | "replace" | "own" = "own";

  /**
   * A folder for a new run. Nothing is created before the first write. One that exists and is not
   * empty is refused with a UsageError, unless `force`: then the files of the run in it, and no
   * others, are removed when this run's configuration is written, so that a run that fails before
   * it has begun costs nothing.
   */
  static async create(path: string, options: { force: boolean }, host: Host): Promise<RunFolder> {
    const folder = new RunFolder(path, host);
    folder.others = options.force ? "replace" : "refuse";
    const found = await host.stat(path);
    if (found?.kind === "file") throw new UsageError(`${path}: a file, expected a folder`);
    if (found !== undefined) await folder.checkOthers();
    return folder;
  }

  /** Throws UsageError where files in the folder forbid a new run. */
  private async checkOthers(): Promise<void> {
    const { path, others, host } = this;
    if (others === "own") return;
    if ((await host.list(path)).every((name) => name.startsWith(lockFile))) return;
    if (others === "refuse") {
      throw new UsageError(
        `${path} is not empty; --resume goes on with the run in it, --force replaces it, --out names another folder`,
      );
    }
    const [first] = await this.files();
    if (first !== undefined && !(await this.holdsRun())) {
      throw new UsageError(
        `${path} holds no run, and --force would remove ${first}; --out names another folder`,
      );
    }
  }

  /** A folder beside `path` that is not there yet, for a run of which nothing is kept. */
  static async createBeside(path: string, host: Host): Promise<RunFolder> {
    const plain = path.replace(/[/\\]+$/, "");
    for (let n = 1; ; n++) {
      const beside = `${plain}.dry-run${n > 1 ? `-${n}` : ""}`;
      if ((await host.stat(beside)) === undefined)
        return RunFolder.create(beside, { force: false }, host);
    }
  }

  /**
   * The folder of a run that was made before. Throws UsageError where there is none, DataError where
   * the folder is no run's.
   */
  static async open(path: string, host: Host): Promise<RunFolder> {
    if (path === "") throw new UsageError("the run folder's name is empty");
    const found = await host.stat(path);
    if (found === undefined) throw new UsageError(`${path}: no such run folder`);
    if (found.kind === "file") throw new UsageError(`${path}: a file, expected a run folder`);
    if ((await host.stat(joinPath(path, configFile))) === undefined) {
      throw new DataError(`${path}: no ${configFile} in it, so it is not a run folder`);
    }
    const folder = new RunFolder(path, host);
    folder.begun = true;
    folder.there = true;
    return folder;
  }

  /**
   * Makes the folder, keeps other runs from it until `release`, and removes temporary files that a crash
   * left. Throws IoError where that fails, UsageError where another run
   * is at work in it; nothing is left behind then.
   */
  async prepare(): Promise<void> {
    try {
      await this.takeFolder();
      // While it waited for the lock, another run may have left its files.
      if (!this.begun) await this.checkOthers();
      for (const folder of ["", checkpointFolder, figureFolder, eventFolder]) {
        const names = await this.namesIn(folder);
        const stale = names.filter((name) => temporaryFile.test(name));
        for (const name of stale) await this.host.remove(joinPath(this.file(folder), name));
      }
    } catch (error) {
      if (!this.begun) await afterFailure(() => this.discard());
      throw error;
    }
  }

  /**
   * Makes the folder and locks it. One that is made anew may go again before it is locked: another starter
   * that fails removes the folders that it made, as far as they are empty.
   */
  private async takeFolder(): Promise<void> {
    for (let tries = 1; ; tries++) {
      const made: string[] = [];
      for (const path of withParents(this.path)) {
        if (this.made.includes(path) || (await this.host.stat(path)) === undefined) made.push(path);
      }
      this.made = made;
      try {
        await this.host.makeDirectory(this.path);
        this.lock = await this.host.lock(this.file(lockFile));
        this.there = true;
        return;
      } catch (error) {
        const again = error instanceof IoError && !this.there && tries < TRIES;
        const there = await this.host.stat(this.path).catch(() => null);
        if (!again || there !== undefined) throw error;
      }
    }
  }

  /** Lets other runs have the folder. */
  async release(): Promise<void> {
    const { lock } = this;
    this.lock = undefined;
    await lock?.release();
  }

  /** Removes the files of the run, and the folders that it made if nothing else is in them. */
  async discard(): Promise<void> {
    const removeEmpty = async (paths: readonly string[]) => {
      for (const path of paths)
        if ((await this.host.stat(path))?.kind === "directory") await this.host.removeEmpty(path);
    };
    await withCleanUp(
      async () => {
        await this.lock?.check(this.path);
        if (this.begun) await this.clear();
        // Where another run has the folder, it may be about to write a file there.
        const inside = this.lock ? [checkpointFolder, figureFolder, eventFolder, onnxFolder] : [];
        await removeEmpty(inside.map((name) => this.file(name)));
      },
      () => this.release(),
    );
    await removeEmpty(this.made);
  }

  /** Begins the run: removes what an earlier one left, and writes config.json. */
  async writeConfig(config: Readonly<Record<string, unknown>>): Promise<void> {
    const path = this.file(configFile);
    await this.lock?.check(path);
    if (!this.begun) await this.clear();
    this.begun = true;
    const text = new TextEncoder().encode(`${JSON.stringify(config, null, 2)}\n`);
    await this.host.writeAtomic(path, text, this.within);
  }

  /**
   * Appends lines to metrics.jsonl in one write. A value that is not finite becomes null, as JSON
   * has none.
   */
  async appendMetrics(records: readonly MetricRecord[]): Promise<void> {
    if (records.length === 0) return;
    await this.mendMetrics();
    await this.append(this.file(metricsFile), lines(records));
  }

  /** Replaces metrics.jsonl. */
  async rewriteMetrics(records: readonly MetricRecord[]): Promise<void> {
    await this.writeText(metricsFile, lines(records));
    this.wholeLines = true;
  }

  /** Removes a last line that a crash cut off: another line behind it would spoil both. */
  private async mendMetrics(): Promise<void> {
    const path = this.file(metricsFile);
    if (!this.wholeLines && (await this.host.stat(path)) !== undefined) {
      const bytes = await this.host.readFile(path);
      const end = bytes.lastIndexOf(0x0a) + 1;
      if (end < bytes.length) await this.write(path, bytes.slice(0, end));
    }
    this.wholeLines = true;
  }

  /** Writes checkpoints/NAME.safetensors; returns its path. */
  async writeCheckpoint(bytes: Uint8Array, name = "last"): Promise<string> {
    const path = this.checkpoint(name);
    await this.write(path, bytes);
    return path;
  }

  /** Removes checkpoints/NAME.safetensors. */
  async removeCheckpoint(name: string): Promise<void> {
    await this.host.remove(this.checkpoint(name));
  }

  /**
   * Writes figures/NAME.png, or the name with its own ending, or to `out` where the user named a file;
   * returns its path.
   */
  async writeFigure(name: string, bytes: Uint8Array, out?: string): Promise<string> {
    const file = name.includes(".") ? name : `${name}.png`;
    const path = joinPath(this.file(figureFolder), file);
    return this.writeOut(path, bytes, out);
  }

  /** Writes onnx/NAME.onnx, or the file into the folder `out`; returns its path. */
  async writeOnnx(name: string, bytes: Uint8Array, out?: string): Promise<string> {
    const file = `${name}.onnx`;
    const path = joinPath(this.file(onnxFolder), file);
    return this.writeOut(path, bytes, out === undefined ? undefined : joinPath(out, file));
  }

  /** Writes report.html, or to `out`; returns its path. */
  async writeReport(html: string, out?: string): Promise<string> {
    return this.writeOut(this.file(reportFile), new TextEncoder().encode(html), out);
  }

  /** Writes metrics.csv anew. */
  async writeCsv(text: string): Promise<void> {
    await this.writeText(csvFile, text);
  }

  async appendCsv(text: string): Promise<void> {
    await this.append(this.file(csvFile), text);
  }

  /** Writes TensorBoard's event file anew. */
  async writeEvents(bytes: Uint8Array): Promise<void> {
    await this.write(this.file(eventFile), bytes);
  }

  async appendEvents(bytes: Uint8Array): Promise<void> {
    await this.append(this.file(eventFile), bytes);
  }

  /**
   * Throws IoError, as of the write of a file, where the folder is not this run's any more: somebody has
   * removed or emptied it, or another run has taken it over. Files made anew in it would look like a run,
   * and nothing could go on from them.
   */
  private async requireOurs(path: string): Promise<void> {
    await this.lock?.check(path);
    if (!this.begun || (await this.host.stat(this.file(configFile)))) return;
    throw new IoError(
      `cannot write ${path}: ${this.file(configFile)} is gone: the run folder was removed, or emptied`,
    );
  }

  /** The folder, once it is known to be there: no write makes it again. */
  private get within(): string | undefined {
    return this.there ? this.path : undefined;
  }

  private async write(path: string, bytes: Uint8Array): Promise<void> {
    await this.requireOurs(path);
    await this.host.writeAtomic(path, bytes, this.within);
  }

  private async append(path: string, content: string | Uint8Array): Promise<void> {
    await this.requireOurs(path);
    await this.host.append(path, content, this.within);
  }

  /** Writes a file of the run, or to `out` where the user named one; returns its path. */
  private async writeOut(path: string, bytes: Uint8Array, out?: string): Promise<string> {
    if (out === undefined) await this.write(path, bytes);
    else await this.host.writeAtomic(out, bytes);
    return out ?? path;
  }

  private async writeText(name: string, text: string): Promise<void> {
    await this.write(this.file(name), new TextEncoder().encode(text));
  }

  /** Removes what an earlier run wrote; config.json, which says that it is a run, comes last. */
  private async clear(): Promise<void> {
    for (const path of await this.files()) await this.host.remove(path);
    this.wholeLines = false;
  }
}

function lines(records: readonly MetricRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}
