import { joinBytes } from "../formats/bytes.ts";
import { csvHeader, csvLines } from "../formats/csv.ts";
import {
  type EventImage,
  pictureRecords,
  summaryRecord,
  versionRecord,
} from "../formats/tensorboard.ts";
import { csvColumns, type MetricRecord, termsOf, upTo } from "./metrics.ts";
import type { RunFolder } from "./run-folder.ts";
import type { TrainState } from "./state.ts";
import { TermMeans } from "./term-means.ts";
import type { LossRow } from "./training-run.ts";

/**
 * The metrics of a run while it goes on. metrics.jsonl is the source of truth; the CSV file and
 * TensorBoard's event file are made anew from it when a run begins or goes on, and grow with it.
 */
export class MetricsLog {
  private waiting: MetricRecord[] = [];
  private readonly epoch = new TermMeans();

  private constructor(
    private readonly folder: RunFolder,
    private readonly columns: readonly string[] | undefined,
    private readonly tensorboard: boolean,
    /** The last step that there was a line of; 0 without one. */
    readonly lastStep: number,
  ) {}

  /**
   * Opens the metrics of a run that is in some state. Lines beyond the state are removed: the run
   * will write them again.
   *
   * @param terms the model's loss terms
   */
  static async open(
    folder: RunFolder,
    state: TrainState,
    options: {
      /** Steps before the epoch at work. */
      readonly begin: number;
      readonly terms: readonly string[];
      readonly csv: boolean;
      readonly tensorboard: boolean;
    },
  ): Promise<MetricsLog> {
    const { begin, terms, csv, tensorboard } = options;
    const found = await folder.readMetrics();
    const kept = upTo(found, state);
    const last = kept.reduce((step, r) => (r.kind === "step" ? Math.max(step, r.step) : step), 0);
    await folder.rewriteMetrics(kept);
    const log = new MetricsLog(folder, csv ? csvColumns(terms) : undefined, tensorboard, last);
    if (log.columns) await folder.writeCsv(csvHeader(log.columns) + csvLines(log.columns, kept));
    if (tensorboard) {
      // Pictures are nowhere else: those of earlier epochs are taken over.
      const pictures = pictureRecords(await folder.readEvents(), state.step);
      await folder.writeEvents(joinBytes([eventsOf(kept, true), ...pictures]));
    }
    for (const record of kept)
      if (record.kind === "step" && record.step > begin)
        log.epoch.add([termsOf(record) as LossRow]);
    return log;
  }

  /** Adds the loss terms of the steps from `first` on, which all belong to one epoch. */
  steps(first: number, epoch: number, rows: readonly LossRow[]): void {
    this.epoch.add(rows);
    for (const [i, row] of rows.entries())
      this.add({ kind: "step", step: first + i, epoch, ...row });
  }

  /** Means of the loss terms over the steps of the epoch so far. */
  means(): Record<string, number> {
    return this.epoch.means();
  }

  /** Begins to count another epoch. */
  nextEpoch(): void {
    this.epoch.clear();
  }

  add(record: MetricRecord): void {
    this.waiting.push(record);
  }

  /** Writes what was added. */
  async flush(images: Readonly<Record<string, EventImage>> = {}): Promise<void> {
    const records = this.waiting;
    this.waiting = [];
    await this.folder.appendMetrics(records);
    if (this.columns && records.length > 0)
      await this.folder.appendCsv(csvLines(this.columns, records));
    if (!this.tensorboard) return;
    await this.folder.appendEvents(eventsOf(records));
    const last = records.at(-1);
    if (last && Object.keys(images).length > 0)
      await this.folder.appendEvents(summaryRecord(timeOf(last), last.step, {}, images));
  }
}

/** Steps and epochs as TensorBoard's records; a value that is not finite is left out. */
function eventsOf(records: readonly MetricRecord[], fromTheStart = false): Uint8Array {
  const parts: Uint8Array[] = [];
  let time = records.length > 0 ? firstTime(records) : now();
  if (fromTheStart) parts.push(versionRecord(time));
  for (const record of records) {
    time = typeof record.time === "number" ? record.time : time;
    if (record.kind !== "step" && record.kind !== "epoch") continue;
    const scalars: Record<string, number> = {};
    for (const [name, value] of Object.entries(termsOf(record)))
      if (value !== null) scalars[tagOf(record.kind, name)] = value;
    parts.push(summaryRecord(time, record.step, scalars));
  }
  return joinBytes(parts);
}

/** Validation beside training in one chart: TensorBoard groups by what stands before the slash. */
function tagOf(kind: string, name: string): string {
  const validation = /^validation_(.*)$/.exec(name);
  if (validation) return `${validation[1]}/validation`;
  if (name === "learning_rate" || name === "beta") return `schedule/${name}`;
  return `${name}/${kind === "step" ? "step" : "epoch"}`;
}

function firstTime(records: readonly MetricRecord[]): number {
  const found = records.find((record) => typeof record.time === "number");
  return found ? (found.time as number) : now();
}

function timeOf(record: MetricRecord): number {
  return typeof record.time === "number" ? record.time : now();
}

/** Seconds since 1970: when something was written, for people; nothing is decided by it. */
export function now(): number {
  return Date.now() / 1000;
}
