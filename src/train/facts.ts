import type { Fingerprint } from "../data/fingerprint.ts";
import { attributeClasses } from "../data/types.ts";
import type { ProgramStatistics } from "../gpu/program.ts";
import { type RuntimeFacts, runtimeFacts } from "../gpu/runtime-facts.ts";
import type { VariantChoices } from "../gpu/variant-table.ts";
import type { ImageShape } from "../models/model.ts";
import { version } from "../version.ts";
import type { EpochSpan } from "./calendar.ts";
import type { Plan } from "./plan.ts";

import { parameterCount } from "./start.ts";
import type { Trainer } from "./trainer.ts";

/** What config.json says of a run under `run`: what it was made of and ran on. */
export interface RunFacts {
  /** Version of latentgrad. */
  readonly version: string;
  readonly image: ImageShape;
  readonly classes: readonly string[];
  /** The numbers of values of the set's further labels, by name. */
  readonly attributes?: Readonly<Record<string, number>>;
  readonly trainingImages: number;
  /** Of the whole training part, by which it is known again. */
  readonly trainingData: Fingerprint;
  /** Of other data that it was trained on before, in their order. */
  readonly earlierData?: readonly Fingerprint[];
  readonly validationImages: number;
  /** Images a step. */
  readonly batch: number;
  readonly stepsPerEpoch: number;
  /** Where epochs have had several lengths, because the run went on with other data. */
  readonly epochSpans?: readonly EpochSpan[];
  /** Trainable values. */
  readonly parameters: number;
  readonly adapter: { readonly name: string; readonly kind: string };
  /** What `latentgrad tune` had found for its kernels; empty where the heuristics chose. */
  readonly variants: VariantChoices;
  readonly environment: RuntimeFacts;
  /** The recorded training step. */
  readonly step: ProgramStatistics;
}

export function factsOf(plan: Plan, trainer: Trainer): RunFacts {
  const { dataset, split, steps } = plan;
  const { height, width, channels, classNames, vectors } = dataset;
  const { device, model, program, earlierData } = trainer;
  const { spans } = trainer.calendar;
  return {
    version,
    image: { height, width, channels, ...(vectors ? { vectors } : {}) },
    classes: classNames,
    ...(dataset.attributes ? { attributes: attributeClasses(dataset) } : {}),
    trainingImages: split.train.length,
    trainingData: plan.fingerprint,
    ...(earlierData.length > 0 ? { earlierData } : {}),
    validationImages: split.validation.length,
    batch: plan.batch,
    stepsPerEpoch: steps,
    ...(spans.length > 1 ? { epochSpans: spans } : {}),
    parameters: parameterCount(model),
    adapter: { name: device.adapter.name, kind: device.adapter.kind },
    variants: device.variants.used(),
    environment: runtimeFacts(),
    step: program.statistics,
  };
}
