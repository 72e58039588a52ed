import { binarisations } from "../data/binarise.ts";
import {
  colourNames,
  parseColour,
  parseSize,
  type TypedColour,
  type TypedSize,
} from "../data/picture-values.ts";
import { didYouMean } from "../gpu/suggest.ts";
import { DEFAULT_SEED } from "../models/definition.ts";
import {
  betaForms,
  betaSchedule,
  learningRateForms,
  learningRateSchedule,
  type Schedule,
} from "../optim/schedules.ts";
import { choice, duration, flag, real, type ValueKind, whole, words } from "../settings/values.ts";

/** One option of `train`: a flag of the command line and, by the same name, a key of a config file. */
export interface TrainOption<T> {
  readonly kind: ValueKind<T>;
  /** What the help calls its value; an option without one is on or off. */
  readonly argument?: string;
  readonly help: string;
  /** As text. Without a default the option may be left out. */
  readonly default?: string;
  /** `--resume` may be given another value than the run began with. */
  readonly changeable?: boolean;
  /** Says how to train, so it is kept in config.json; the others say what to do now. */
  readonly kept: boolean;
}

/** An option that has a value in every run. */
type WithDefault<T> = TrainOption<T> & { readonly default: string };

/** Largest seed: 32 bits, as the random number generators take. */
export const largestSeed = 2 ** 32 - 1;

const sizes: ValueKind<TypedSize> = {
  expected: "HxW or one number, 1 to 4096 pixels",
  json: ["string", "number"],
  parse: parseSize,
};

const colours: ValueKind<TypedColour> = {
  expected: "a colour: a name as white or red, #rgb or #rrggbb",
  json: ["string"],
  parse: parseColour,
  hint: (text) => didYouMean(text, colourNames),
};

const on = { kind: flag, default: "false" } as const;

/** The options of `train` in the order of its help. */
export const trainOptions = {
  data: preset(words("the name of a data set"), "<set>", "glyphs", {
    help: "a name that `latentgrad datasets` lists, folder:PATH or idx:PATH",
  }),
  "data-dir": optional(words("a path"), "<dir>", {
    help: "folder of the data sets (else $LATENTGRAD_DATA, else the cache)",
    changeable: true,
  }),
  out: optional(words("a path"), "<dir>", {
    help: "run folder (else runs/MODEL-SET, then runs/MODEL-SET-2, …)",
    kept: false,
  }),
  epochs: preset(whole(1, 1e6), "<n>", "5", {
    help: "passes over the training images",
    changeable: true,
  }),
  batch: preset(whole(1, 65536), "<n>", "128", { help: "batch size: images a step" }),
  limit: optional(whole(1, 1e9), "<n>", { help: "train on the first n images only" }),
  seed: preset(whole(0, largestSeed), "<n>", String(DEFAULT_SEED), {
    help: "of weights, order, noise and validation images",
  }),
  validation: optional(whole(0, 1e9), "<n>", {
    help: "images to validate on (else a tenth, at most 5,000, or the folder's own); 0: none",
  }),
  "full-train": { ...on, help: "the same as --validation 0", kept: true },
  size: optional(sizes, "<HxW>", {
    help: "resize and crop every image to this; one number is a square",
  }),
  grey: { ...on, help: "make one channel of three", kept: true },
  background: optional(colours, "<colour>", {
    help: "what a folder's transparent pictures lie on: a name, #rgb or #rrggbb (else black)",
  }),
  binarise: preset(choice(binarisations), "<how>", "none", {
    help: "black-and-white pixels: none, static (drawn once), dynamic (drawn in each step)",
  }),
  "lr-schedule": preset(schedule(learningRateForms, learningRateSchedule), "<spec>", "constant", {
    help: `learning rate over the run: ${learningRateForms}`,
  }),
  "lr-warmup": preset(whole(0, 1e9), "<steps>", "0", {
    help: "steps of linear warm-up of the learning rate",
  }),
  "beta-schedule": preset(schedule(betaForms, betaSchedule), "<spec>", "constant", {
    help: `weight of the KL term over the run: ${betaForms}`,
  }),
  clip: optional(real(1e-12, 1e12), "<norm>", {
    help: "most that the norm of all gradients may be",
  }),
  ema: optional(real(0, 0.999999), "<decay>", {
    help: "keep a moving average of the weights, and validate and sample with it",
  }),
  patience: optional(whole(1, 1e6), "<epochs>", {
    help: "stop after so many epochs without a better validation loss",
    changeable: true,
  }),
  "min-delta": preset(real(0, 1e9), "<nats>", "0", {
    help: "what a better loss must be better by",
  }),
  "max-time": optional(duration, "<time>", {
    help: "stop after 90 (seconds), 30m, 1h30m …; --resume goes on",
    kept: false,
  }),
  "save-every": optional(whole(1, 1e9), "<steps>", {
    help: "save after so many steps (else about every two minutes)",
    changeable: true,
  }),
  keep: preset(whole(0, 1e6), "<n>", "0", {
    help: "keep the checkpoints of the last n epochs too",
    changeable: true,
  }),
  overfit: optional(whole(1, 1e9), "<n>", {
    help: "train and validate on the same first n images: the loss must fall",
  }),
  csv: { ...on, help: "write metrics.csv as well", kept: true, changeable: true },
  tensorboard: {
    ...on,
    help: "write TensorBoard event files as well",
    kept: true,
    changeable: true,
  },
  "dry-run": { ...on, help: "two batches through everything; keeps nothing", kept: false },
  resume: { ...on, help: "go on with the run in the folder", kept: false },
  "allow-other-data": {
    ...on,
    help: "with --resume: go on although the training data have changed",
    kept: false,
  },
  force: { ...on, help: "replace a run that is in the folder already", kept: false },
} as const satisfies Readonly<Record<string, TrainOption<unknown>>>;

export type TrainOptionName = keyof typeof trainOptions;

/** The options that a run keeps from its beginning to its end. */
export const fixedOptions: readonly string[] = Object.entries<TrainOption<unknown>>(trainOptions)
  .filter(([, { kept, changeable }]) => kept && !changeable)
  .map(([name]) => name);

/** `lr-schedule` → `lrSchedule`. */
type Camel<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S;

type ValueOf<O> =
  O extends WithDefault<infer T> ? T : O extends TrainOption<infer T> ? T | undefined : never;

/** The options of a training run, checked: every key of `trainOptions` in camel case. */
export type TrainOptions = {
  readonly [K in TrainOptionName as Camel<K>]: ValueOf<(typeof trainOptions)[K]>;
} & {
  readonly model: string;
  /** The model's own settings (`--set`), as they were given. */
  readonly settings: Readonly<Record<string, string>>;
  readonly out: string;
  /** `out` is the first of a series of folders, of which a new run takes the next. */
  readonly numbered?: true;
};

/** The key of an option in `TrainOptions`. */
export function camel(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function preset<T>(
  kind: ValueKind<T>,
  argument: string,
  byDefault: string,
  more: { readonly help: string; readonly changeable?: true },
): WithDefault<T> {
  return { kind, argument, default: byDefault, kept: true, ...more };
}

function optional<T>(
  kind: ValueKind<T>,
  argument: string,
  more: { readonly help: string; readonly changeable?: true; readonly kept?: false },
): TrainOption<T> {
  return { kind, argument, kept: true, ...more };
}

function schedule(
  forms: string,
  parse: (text: string) => Schedule | undefined,
): ValueKind<Schedule> {
  return { expected: forms, json: ["string"], parse };
}
