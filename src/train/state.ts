import { CheckpointError } from "../gpu/errors.ts";

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
  readonly image: { readonly height: number; readonly width: number; readonly channels: number };
  readonly seed: readonly [number, number];
  readonly stepsPerEpoch: number;
  /** The options that say how the run is trained, as in config.json. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly adapter: string;
  readonly runtime: string;
  /** The kernels of the recorded step: their names and the hash of all their texts. */
  readonly variants: { readonly sha256: string; readonly kernels: readonly string[] };
}

/**
 * The metadata of a checkpoint. `batch` is the place in the epoch: batches of it that are done. The
 * random numbers have no other state than the counter `step`.
 */
export function toMetadata(state: TrainState, facts: StateFacts): Record<string, string> {
  const { step, epochs, best, stale } = state;
  const { seed, stepsPerEpoch } = facts;
  return {
    model: facts.model,
    data: facts.data,
    image: JSON.stringify(facts.image),
    epoch: String(epochs),
    batch: String(step - epochs * stepsPerEpoch),
    step: String(step),
    steps_per_epoch: String(stepsPerEpoch),
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
): TrainState & { readonly stepsPerEpoch: number; readonly variants: string | undefined } {
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
    stepsPerEpoch: count("steps_per_epoch"),
    ...(best === null ? {} : { best }),
    variants: hashOf(metadata.variants),
  };
  const batch = state.step - state.epochs * state.stepsPerEpoch;
  if (batch < 0 || batch > state.stepsPerEpoch || batch !== count("batch"))
    throw new CheckpointError(
      `${file}: step ${state.step} is not in epoch ${state.epochs + 1} of ${state.stepsPerEpoch} steps`,
    );
  return state;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
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

function hashOf(variants: string | undefined): string | undefined {
  const value = parse(variants ?? "null") as { sha256?: unknown } | null | undefined;
  return typeof value?.sha256 === "string" ? value.sha256 : undefined;
}
