import { parseJson } from "../formats/json.ts";
import { DataError } from "../gpu/errors.ts";

/** One line of metrics.jsonl; loss terms by name, in nats per sample. */
export interface MetricRecord {
  readonly kind: "step" | "epoch" | "eval" | "event";
  readonly step: number;
  /** From 1. */
  readonly epoch: number;
  readonly [term: string]: unknown;
}

/** The columns of metrics.csv for a model with these loss terms. */
export function csvColumns(terms: readonly string[]): string[] {
  return [
    "kind",
    "step",
    "epoch",
    ...terms,
    ...terms.map((term) => `validation_${term}`),
    "learning_rate",
    "beta",
    "seconds",
    "event",
    "message",
  ];
}

const kinds = ["step", "epoch", "eval", "event"];

/**
 * The records of a metrics.jsonl. A last line without its end was cut off by a crash and is left out.
 * Throws DataError naming `file` and the line for anything else that is not a record.
 */
export function parseMetrics(text: string, file: string): MetricRecord[] {
  const lines = text.split("\n");
  lines.pop(); // "" behind the last newline, or what a crash cut off
  return lines.map((line, i) => {
    const record = parse(line);
    if (record === undefined)
      throw new DataError(`${file}: line ${i + 1} is not a metrics record: ${line.slice(0, 60)}`);
    return record;
  });
}

function parse(line: string): MetricRecord | undefined {
  let value: Partial<MetricRecord> | null;
  try {
    value = parseJson(line) as Partial<MetricRecord> | null;
  } catch {
    return undefined;
  }
  const sound =
    typeof value === "object" &&
    kinds.includes(value?.kind ?? "") &&
    Number.isSafeInteger(value?.step) &&
    Number.isSafeInteger(value?.epoch);
  return sound ? (value as MetricRecord) : undefined;
}

/**
 * What of the records belongs to a run that goes on from a state: everything up to its step, and only
 * epochs that it counts as done.
 */
export function upTo(
  records: readonly MetricRecord[],
  { step, epochs }: { readonly step: number; readonly epochs: number },
): MetricRecord[] {
  return records.filter(
    (record) => record.step <= step && (record.kind !== "epoch" || record.epoch <= epochs),
  );
}

/** Keys of a record that are no loss terms. */
const others = [
  "kind",
  "step",
  "epoch",
  "time",
  "seconds",
  "images_per_second",
  "event",
  "message",
];

/**
 * The loss terms of a record by name, of an epoch with those of the validation images and with what
 * schedules say; a null stands for no finite number.
 */
export function termsOf(record: MetricRecord): Record<string, number | null> {
  return Object.fromEntries(
    Object.entries(record).filter(
      (entry): entry is [string, number | null] =>
        !others.includes(entry[0]) && (typeof entry[1] === "number" || entry[1] === null),
    ),
  );
}
