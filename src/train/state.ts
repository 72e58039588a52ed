import {
  dataDifference,
  type Fingerprint,
  soundFingerprint,
  soundFingerprints,
} from "../data/fingerprint.ts";
import { isObject, parseJson, quote } from "../formats/json.ts";
import { CheckpointError } from "../gpu/errors.ts";
import type { VariantChoices } from "../gpu/variant-table.ts";
import type { ImageShape } from "../models/model.ts";
import { soundChoices } from "../tune/variant-files.ts";
import { type Calendar, type EpochSpan, soundSpans } from "./calendar.ts";

/** The best epoch so far. */
export interface Best {
  /** Epoch, from 1. */
  readonly epoch: number;
  readonly step: number;
  /** Mean loss in nats per sample. */
  readonly loss: number;
}

/**
 * How far a run is. With the weights, the optimiser's state and the run's options it decides all that
 * follows: random numbers and the order of the images are functions of the seed, the step, the epoch
 * and the place in it.
 */
export interface TrainState {
  /** Steps done. */
  readonly step: number;
  /** Epochs done, with their validation. */
  readonly epochs: number;
  readonly best?: Best;
  /** Epochs since `best` that were no better. */
  readonly stale: number;
}

export const beginning: TrainState = { step: 0, epochs: 0, stale: 0 };

/** What a checkpoint says of the run beside the state; all of it is text in the header. */
export interface StateFacts {
  readonly model: string;
  readonly data: string;
  readonly fingerprint: Fingerprint;
  /** Of other data that it was trained on before, in their order. */
  readonly earlierData: readonly Fingerprint[];
  readonly image: ImageShape;
  /** Names of the classes. */
  readonly classes: readonly string[];
  /** The numbers of values of the set's further labels, by name. */
  readonly attributes: Readonly<Record<string, number>>;
  /** How many images it is trained on. */
  readonly images: number;
  readonly seed: readonly [number, number];
  readonly calendar: Calendar;
  /** The options that say how the run is trained, as in config.json. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly adapter: string;
  readonly runtime: string;
  /**
   * The kernels of the recorded step: their names, the hash of all their texts, and the tuned
   * variants among them.
   */
  readonly variants: {
    readonly sha256: string;
    readonly kernels: readonly string[];
    readonly choices: VariantChoices;
  };
}

/**
 * The metadata of a checkpoint. `batch` is the place in the epoch: batches of it that are done.
 * `epoch_spans` is there where epochs have had several lengths, `earlier_data` where there were other data. The random numbers have no other
 * state than the counter `step`.
 */
export function toMetadata(state: TrainState, facts: StateFacts): Record<string, string> {
  const { step, epochs, best, stale } = state;
  const { seed, calendar, image, earlierData } = facts;
  const { spans } = calendar;
  return {
    model: facts.model,
    data: facts.data,
    training_data: JSON.stringify(facts.fingerprint),
    ...(earlierData.length > 0 ? { earlier_data: JSON.stringify(earlierData) } : {}),
    image: JSON.stringify({ height: image.height, width: image.width, channels: image.channels }),
    ...(image.vectors ? { vectors: "true" } : {}),
    classes: JSON.stringify(facts.classes),
    attributes: JSON.stringify(facts.attributes),
    training_images: String(facts.images),
    epoch: String(epochs),
    batch: String(step - calendar.beginOf(epochs + 1)),
    step: String(step),
    steps_per_epoch: String(calendar.stepsPerEpoch),
    ...(spans.length > 1 ? { epoch_spans: JSON.stringify(spans) } : {}),
    seed: String(seed[0] + seed[1] * 2 ** 32),
    permutation_seed: JSON.stringify(seed),
    random: JSON.stringify({ generator: "philox4x32-10", seed, step }),
    best: JSON.stringify(best ?? null),
    stale_epochs: String(stale),
    options: JSON.stringify(facts.options),
    adapter: facts.adapter,
    runtime: facts.runtime,
    variants: JSON.stringify(facts.variants),
  };
}

/** The state in a checkpoint's metadata. Throws CheckpointError naming `file` and the field. */
export function fromMetadata(
  metadata: Readonly<Record<string, string>>,
  file: string,
): { readonly state: TrainState; readonly spans: readonly EpochSpan[] } {
  const count = (name: string): number => {
    const text = metadata[name] ?? "missing";
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value)) throw new CheckpointError(`${file}: ${name} is ${text}, no number`);
    return value;
  };
  const best = readBest(metadata.best ?? "null");
  if (best === undefined) throw new CheckpointError(`${file}: best is ${metadata.best}`);
  const state = {
    step: count("step"),
    epochs: count("epoch"),
    stale: count("stale_epochs"),
    ...(best === null ? {} : { best }),
  };
  const stepsPerEpoch = count("steps_per_epoch");
  const { epoch_spans: text } = metadata;
  const spans = text === undefined ? [{ step: 0, epochs: 0, stepsPerEpoch }] : parse(text);
  const sound = soundSpans(spans);
  const origin = sound?.at(-1);
  if (text !== undefined && origin?.stepsPerEpoch !== stepsPerEpoch)
    throw new CheckpointError(`${file}: its epoch_spans is ${quote(text)}`);
  const { step = 0, epochs = 0 } = origin ?? {};
  const batch = state.step - step - (state.epochs - epochs) * stepsPerEpoch;
  const inside = batch >= 0 && batch <= stepsPerEpoch && state.epochs >= epochs;
  if (!sound || !inside || batch !== count("batch"))
    throw new CheckpointError(
      `${file}: step ${state.step} is not in epoch ${state.epochs + 1} of ${stepsPerEpoch} steps`,
    );
  return { state, spans: sound };
}

/**
 * Checks that a checkpoint is of this very run. Throws CheckpointError naming the option that differs.
 *
 * @param fixed names of the options that a run may not change
 * @param live names of the model's settings that it may change
 */
export function requireSameRun(
  metadata: Readonly<Record<string, string>>,
  facts: StateFacts,
  fixed: readonly string[],
  live: readonly string[],
  file: string,
): void {
  const stored = optionsIn(metadata, file);
  const expected = toMetadata(beginning, facts);
  const differing = (name: string, found: unknown, wanted: unknown) =>
    requireSame(file, name, found, wanted);
  for (const name of fixed) differing(name, stored[name], facts.options[name]);
  requireSameSettings(stored, facts.options, live, file);
  differing("seed", metadata.permutation_seed, expected.permutation_seed);
  differing("seed", metadata.seed, expected.seed);
  differing("random numbers", generatorOf(metadata.random), generatorOf(expected.random));
}

/**
 * Checks that a checkpoint was trained with the model's settings of a run. Throws CheckpointError naming the
 * setting that differs.
 *
 * @param live names of settings that may differ
 */
export function requireSameSettings(
  stored: Readonly<Record<string, unknown>>,
  wanted: Readonly<Record<string, unknown>>,
  live: readonly string[],
  file: string,
): void {
  const [before, now] = [stored.set, wanted.set].map((set) => (isObject(set) ? set : {}));
  for (const name of Object.keys({ ...before, ...now }))
    if (!live.includes(name)) requireSame(file, `setting ${name}`, before?.[name], now?.[name]);
}

function requireSame(file: string, name: string, found: unknown, wanted: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new CheckpointError(
      `${file}: its ${name} is ${quote(found)}, that of the run is ${quote(wanted)}`,
    );
}

/** The options that a checkpoint was trained with, as config.json has them. Throws CheckpointError. */
export function optionsIn(
  metadata: Readonly<Record<string, string>>,
  file: string,
): Readonly<Record<string, unknown>> {
  const stored = parse(metadata.options ?? "null");
  if (!isObject(stored)) throw new CheckpointError(`${file}: options is ${metadata.options}`);
  return stored;
}

/** How the data differ from those of a checkpoint, as far as it says; undefined where they do not. */
export function otherData(
  metadata: Readonly<Record<string, string>>,
  { fingerprint }: Pick<StateFacts, "fingerprint">,
  file: string,
): string | undefined {
  const known = fingerprintIn(metadata, file);
  const difference = known && dataDifference(fingerprint, known);
  return difference && `the data are not those it had (${difference})`;
}

/**
 * A state as it goes on with other data: an epoch that was not done begins anew, with all that is
 * counted by epochs, and so does the search for the best one, whose loss is of other images. Weights,
 * optimisers and the count of the steps go on.
 *
 * @param validated there are validation images, by which the best epoch is chosen
 * @returns the state, and in words what becomes of the epoch and the best
 */
export function withOtherData(
  state: TrainState,
  before: readonly EpochSpan[],
  { calendar }: Pick<StateFacts, "calendar">,
  validated: boolean,
): { readonly state: TrainState; readonly said: string } {
  const { step, epochs, best } = state;
  const { stepsPerEpoch } = calendar;
  const { stepsPerEpoch: formerly } = before.at(-1)!;
  calendar.restore(before);
  const inside = step > calendar.beginOf(epochs + 1);
  calendar.beginSpan({ step, epochs, stepsPerEpoch });
  const said = [
    stepsPerEpoch === formerly ? "" : `epochs have ${stepsPerEpoch} steps, had ${formerly}`,
    inside ? `epoch ${epochs + 1} begins anew` : "",
    validated && best ? "the best epoch is looked for anew" : "",
  ];
  return {
    state: validated ? { step, epochs, stale: 0 } : state,
    said: said.filter((part) => part !== "").join("; "),
  };
}

/** Why what follows is not bit for bit what it would have been, or "". */
export function otherCircumstances(
  metadata: Readonly<Record<string, string>>,
  { adapter, runtime, variants }: StateFacts,
): string {
  const before = `${metadata.adapter} (${metadata.runtime})`;
  const now = `${adapter} (${runtime})`;
  const kernels =
    before !== now
      ? `it was trained on ${before}, and goes on on ${now}`
      : hashOf(metadata.variants) === variants.sha256
        ? undefined
        : "the kernels are not those it had";
  return kernels === undefined ? "" : `${kernels}: within rounding, not bit for bit`;
}

/**
 * The fingerprint of the data that a checkpoint was trained on; undefined for one from before
 * there were fingerprints. Throws CheckpointError.
 */
export function fingerprintIn(
  { training_data: text }: Readonly<Record<string, string>>,
  file: string,
): Fingerprint | undefined {
  if (text === undefined) return undefined;
  const found = soundFingerprint(parse(text));
  if (!found) throw new CheckpointError(`${file}: its training_data is ${quote(text)}`);
  return found;
}

/** Of the other data that a checkpoint was trained on before its last, in their order. Throws CheckpointError. */
export function earlierDataIn(
  { earlier_data: text }: Readonly<Record<string, string>>,
  file: string,
): readonly Fingerprint[] {
  if (text === undefined) return [];
  const found = soundFingerprints(parse(text));
  if (!found) throw new CheckpointError(`${file}: its earlier_data is ${quote(text)}`);
  return found;
}

/** The tuned variants that a checkpoint was trained with; empty for one that says nothing of them. */
export function choicesIn(
  metadata: Readonly<Record<string, string>>,
  file: string,
): VariantChoices {
  const variants = parse(metadata.variants ?? "null");
  const value = isObject(variants) ? variants.choices : undefined;
  if (value === undefined) return {};
  const choices = soundChoices(value);
  if (!choices) throw new CheckpointError(`${file}: its kernel variants are ${quote(value)}`);
  return choices;
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function readBest(text: string): Best | null | undefined {
  const value = parse(text) as Partial<Best> | null | undefined;
  if (value === null) return null;
  const { epoch, step, loss } = value ?? {};
  const sound = Number.isSafeInteger(epoch) && Number.isSafeInteger(step) && Number.isFinite(loss);
  return sound ? (value as Best) : undefined;
}

/** What the random numbers depend on beside the step. */
function generatorOf(random: string | undefined): unknown {
  const value = parse(random ?? "null");
  return isObject(value) ? [value.generator, value.seed] : null;
}

function hashOf(variants: string | undefined): string | undefined {
  const value = parse(variants ?? "null") as { sha256?: unknown } | null | undefined;
  return typeof value?.sha256 === "string" ? value.sha256 : undefined;
}
