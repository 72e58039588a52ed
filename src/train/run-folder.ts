import { joinPath, withParents } from "../data/paths.ts";
import { anotherKind } from "../formats/file-kinds.ts";
import { isObject, parseJson } from "../formats/json.ts";
import { afterFailure, withCleanUp } from "../gpu/clean-up.ts";
import { CheckpointError, DataError, IoError, UsageError } from "../gpu/errors.ts";
import { type Host, type Lock, temporaryFile } from "../host/host.ts";
import { type MetricRecord, parseMetrics } from "./metrics.ts";
import type { CheckpointFile } from "./model-file.ts";

const configFile = "config.json";
/** Key of a run's facts in its config.json; whoever reads it as a configuration skips them. */
export const factsKey = "run";
const metricsFile = "metrics.jsonl";
const csvFile = "metrics.csv";
const reportFile = "report.html";
const lockFile = ".latentgrad-lock";
const checkpointFolder = "checkpoints";
const figureFolder = "figures";
const onnxFolder = "onnx";
const eventFolder = "tensorboard";
/** TensorBoard reads files with "tfevents" in their name. */
const eventFile = `${eventFolder}/events.out.tfevents.latentgrad`;
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
/** So often a folder is made that others remove. */
const TRIES = 10;
/** Checkpoints that a run writes. */
const written = /^(last|best|diverged|epoch-\d{6,})\.safetensors$/;

/**
 * The folder of one training run: `config.json`, `metrics.jsonl`, `checkpoints/*.safetensors`,
 * `figures/*`, `report.html`, and on request `metrics.csv` and `tensorboard/`. Whole files are written
 * atomically. File trouble throws IoError.
 */
export class RunFolder {
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

  /** The text of config.json, and its path for errors. Throws DataError where it is not UTF-8. */
  async readConfig(): Promise<{ text: string; path: string }> {
    const path = this.file(configFile);
    return { text: await this.readText(path), path };
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

  /**
   * The lines of metrics.jsonl; none where there is no file. A last line that a crash cut off is left
   * out. Throws DataError naming any other line that is not a record.
   */
  async readMetrics(): Promise<MetricRecord[]> {
    const path = this.file(metricsFile);
    if ((await this.host.stat(path)) === undefined) return [];
    return parseMetrics(await this.readText(path), path);
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

  /** Removes checkpoints/NAME.safetensors. */
  async removeCheckpoint(name: string): Promise<void> {
    await this.host.remove(this.checkpoint(name));
  }

  /** Where checkpoints/NAME.safetensors lies. */
  checkpoint(name: string): string {
    return joinPath(this.file(checkpointFolder), `${name}.safetensors`);
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

  /** The figures' file names, sorted. */
  async figures(): Promise<string[]> {
    const names = await this.namesIn(figureFolder);
    return names.filter((name) => name.endsWith(".png") || drawn.includes(name));
  }

  /** Reads figures/NAME, with its ending. */
  readFigure(name: string): Promise<Uint8Array> {
    return this.host.readFile(joinPath(this.file(figureFolder), name));
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

  /** TensorBoard's event file; empty where there is none. */
  async readEvents(): Promise<Uint8Array> {
    const path = this.file(eventFile);
    const there = (await this.host.stat(path)) !== undefined;
    return there ? this.host.readFile(path) : new Uint8Array();
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

  private file(name: string): string {
    return name === "" ? this.path : joinPath(this.path, name);
  }

  private async namesIn(folder: string): Promise<string[]> {
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

  private async writeText(name: string, text: string): Promise<void> {
    await this.write(this.file(name), new TextEncoder().encode(text));
  }

  /** Removes what an earlier run wrote; config.json, which says that it is a run, comes last. */
  private async clear(): Promise<void> {
    for (const path of await this.files()) await this.host.remove(path);
    this.wholeLines = false;
  }

  /** The files that a run writes, as far as they are there; config.json is the last. */
  private async files(): Promise<string[]> {
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
  private async holdsRun(): Promise<boolean> {
    if ((await this.host.stat(this.file(configFile)))?.kind !== "file") return false;
    try {
      const config = parseJson((await this.readConfig()).text);
      return isObject(config) && typeof config.model === "string" && isObject(config[factsKey]);
    } catch {
      return false;
    }
  }
}

function lines(records: readonly MetricRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}
