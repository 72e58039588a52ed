import { Calendar, soundSpans } from "../train/calendar.ts";
import { type MetricRecord, termsOf } from "../train/metrics.ts";
import type { RunConfig } from "../train/open-run.ts";

/** One epoch of a run; null is a value that was not finite. */
export interface EpochRow {
  /** From 1. */
  readonly epoch: number;
  readonly step: number;
  /** Seconds since 1970 at its end, and of training in it; where they are known. */
  readonly time: number | undefined;
  readonly seconds: number | undefined;
  readonly imagesPerSecond: number | undefined;
  /** Means over its steps and over the validation images, in nats per sample. */
  readonly training: Readonly<Record<string, number | null>>;
  readonly validation: Readonly<Record<string, number | null>>;
  /** At its last step. */
  readonly learningRate: number | undefined;
  readonly beta: number | undefined;
}

/** Something that happened to a run. */
export interface RunEvent {
  readonly name: string;
  readonly message: string | undefined;
  readonly step: number;
  readonly epoch: number;
  readonly time: number | undefined;
  /** Seconds of training in an epoch that it broke off. */
  readonly seconds: number | undefined;
}

/** What `evaluate` found. */
export interface EvaluationRow {
  readonly split: string;
  readonly checkpoint: string;
  /** Of the checkpoint. */
  readonly step: number;
  readonly epoch: number;
  readonly images: number | undefined;
  readonly terms: Readonly<Record<string, number | null>>;
}

/** How a run ended, as far as its metrics say. */
export type RunEnding =
  | { readonly kind: "complete" }
  /** It may still be going on, or was killed. */
  | { readonly kind: "open" }
  | { readonly kind: "stopped"; readonly event: RunEvent };

/** What metrics.jsonl says of a run. */
export interface History {
  /** Names of the loss terms, in their own order. */
  readonly terms: readonly string[];
  readonly steps: readonly MetricRecord[];
  readonly epochs: readonly EpochRow[];
  readonly events: readonly RunEvent[];
  /** The newest of each part and checkpoint. */
  readonly evaluations: readonly EvaluationRow[];
  /** Which step is of which epoch; undefined where nothing says it. */
  readonly calendar: Calendar | undefined;
  /** Steps that were done. */
  readonly lastStep: number;
  /** The epoch that training called the best. */
  readonly best: EpochRow | undefined;
  readonly ending: RunEnding;
}

const prefix = "validation_";
const schedules = ["learning_rate", "beta"];
/** Events that a run ends with. */
const endings = ["interrupted", "diverged", "time is up", "stopped early"];

export function readHistory(records: readonly MetricRecord[], config: RunConfig): History {
  const steps = records.filter(({ kind }) => kind === "step");
  const epochs = records.filter(({ kind }) => kind === "epoch").map(epochRow);
  const events = records.filter(({ kind }) => kind === "event").map(runEvent);
  const calendar = calendarOf(config, epochs);
  const first = steps[0] ?? records.find(({ kind }) => kind === "epoch");
  return {
    terms: first ? Object.keys(split(termsOf(first)).training) : [],
    steps,
    epochs,
    events,
    evaluations: newest(records.filter(({ kind }) => kind === "eval").map(evaluationRow)),
    calendar,
    lastStep: Math.max(0, ...[steps.at(-1), epochs.at(-1)].map((row) => row?.step ?? 0)),
    best: bestOf(epochs, calendar, config.options.minDelta),
    ending: endingOf(records, config.options.epochs),
  };
}

/** Loss terms of training and of validation, and what schedules say. */
function split(terms: Readonly<Record<string, number | null>>) {
  const training: Record<string, number | null> = {};
  const validation: Record<string, number | null> = {};
  for (const [name, value] of Object.entries(terms))
    if (name.startsWith(prefix)) validation[name.slice(prefix.length)] = value;
    else if (!schedules.includes(name)) training[name] = value;
  return { training, validation };
}

function epochRow(record: MetricRecord): EpochRow {
  return {
    epoch: record.epoch,
    step: record.step,
    time: number(record.time),
    seconds: number(record.seconds),
    imagesPerSecond: number(record.images_per_second),
    ...split(termsOf(record)),
    learningRate: number(record.learning_rate),
    beta: number(record.beta),
  };
}

function runEvent(record: MetricRecord): RunEvent {
  const { event, message, step, epoch, time } = record;
  return {
    name: typeof event === "string" ? event : "unknown",
    message: typeof message === "string" ? message : undefined,
    step,
    epoch,
    time: number(time),
    seconds: number(record.seconds),
  };
}

function evaluationRow(record: MetricRecord): EvaluationRow {
  const { step, epoch, split: part, checkpoint } = record;
  const { images, ...terms } = termsOf(record);
  return {
    split: typeof part === "string" ? part : "test",
    checkpoint: typeof checkpoint === "string" ? checkpoint : "last",
    step,
    epoch,
    images: number(images),
    terms,
  };
}

function newest(rows: readonly EvaluationRow[]): EvaluationRow[] {
  return [...new Map(rows.map((row) => [`${row.split} ${row.checkpoint}`, row])).values()];
}

function calendarOf(config: RunConfig, epochs: readonly EpochRow[]): Calendar | undefined {
  const { stepsPerEpoch: said, epochSpans } = config.facts;
  const spans = soundSpans(epochSpans);
  const [first] = epochs;
  const steps = typeof said === "number" && said >= 1 ? said : first && first.step / first.epoch;
  if (steps === undefined) return undefined;
  const calendar = new Calendar(steps);
  if (spans) calendar.restore(spans);
  return calendar;
}

/**
 * As the trainer decides it: without validation the newest epoch is the best there is, and with other
 * data the search begins anew.
 */
function bestOf(
  epochs: readonly EpochRow[],
  calendar: Calendar | undefined,
  minDelta: number,
): EpochRow | undefined {
  const spanOf = (row: EpochRow) => calendar?.spanOf(row.step);
  let best: EpochRow | undefined;
  for (const row of epochs) {
    const [now, before] = [row.validation.loss, best?.validation.loss];
    const better = typeof now !== "number" || typeof before !== "number" || now < before - minDelta;
    if (better || (best && spanOf(best) !== spanOf(row))) best = row;
  }
  return best;
}

/** The event that it ended with, unless it went on afterwards. */
function endingOf(records: readonly MetricRecord[], epochs: number): RunEnding {
  let ending: RunEnding = { kind: "open" };
  for (const record of records) {
    if (record.kind === "eval") continue;
    const event = runEvent(record);
    if (record.kind === "event" && endings.includes(event.name))
      ending = { kind: "stopped", event };
    else if (record.kind === "epoch" && record.epoch >= epochs) ending = { kind: "complete" };
    else if (record.kind !== "event" || ending.kind === "stopped") ending = { kind: "open" };
  }
  return ending;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
