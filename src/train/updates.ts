import type { RandomKey } from "../autograd/ops/random.ts";
import { grad } from "../autograd/tape.ts";
import type { Batch } from "../data/batch.ts";
import type { Device } from "../gpu/device.ts";
import type { LossTerms, Model, SampleTerms, Update } from "../models/model.ts";
import type { Optimiser } from "../optim/optimiser.ts";
import { makeOptimiser } from "../optim/rules.ts";
import type { StepState } from "../optim/step-state.ts";
import { WeightAverage } from "../optim/weight-average.ts";
import { full } from "../tensor/create.ts";
import { recordPart } from "../tensor/run.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** What the optimisers of a run have in common. */
export interface UpdateOptions {
  /** Most that the global norm of the gradients may be. */
  readonly clip?: number | undefined;
  /** Decay of a moving average of the weights. */
  readonly ema?: number | undefined;
}

/** An update of the step with the optimiser that makes it. */
export interface TrainedUpdate {
  readonly update: Update;
  readonly optimiser: Optimiser;
  /** Moving average of its parameters, where the options ask for one and no other update has it. */
  readonly average?: WeightAverage;
}

/** Random streams that one update may use. */
const STREAMS = 16;

/**
 * Records the updates one after another; the loss terms of all.
 *
 * @param named errors of their ops say which update it was
 */
export function recordUpdates(
  active: readonly TrainedUpdate[],
  batch: Batch,
  { seed, step }: RandomKey,
  named: boolean,
): Record<string, Tensor> {
  const [size = 1] = batch.x.shape;
  const terms: Record<string, Tensor> = {};
  let stream = 0;
  for (const [i, { update, optimiser, average }] of active.entries()) {
    const parameters = update.parameters.map(({ tensor }) => tensor);
    const { substeps = 1 } = update;
    let found: LossTerms | undefined;
    const make = () => {
      for (let substep = 0; substep < substeps; substep++) {
        found = update.terms(batch, { seed, step, stream });
        stream += STREAMS;
        // The derivative of the batch's mean loss: each sample's loss has the cotangent 1/batch.
        const dy = full(batch.x.device, [size], 1 / size);
        optimiser.step(grad(found.loss, parameters, { dy }), { guard: [found.loss], substep });
        update.after?.();
      }
      average?.update();
    };
    if (named) recordPart(batch.x.device, update.name, make);
    else make();
    Object.assign(terms, i === 0 ? found : renamed(found!, update.name));
  }
  return terms;
}

/** An optimiser for each update; where two move the same parameters, these stay with the first. */
export function makeOptimisers(
  device: Device,
  model: Model,
  stepState: StepState,
  { clip, ema }: UpdateOptions,
): TrainedUpdate[] {
  const trained: TrainedUpdate[] = [];
  for (const update of model.updates()) {
    const { rule, substeps } = update;
    const parameters = update.parameters.map(({ tensor }) => tensor);
    const owner = trained.find(({ optimiser }) =>
      optimiser.parameters.some(({ value }) => value === parameters[0]?.value),
    )?.optimiser;
    const optimiser = makeOptimiser(device, parameters, rule, {
      stepState,
      ...(clip === undefined ? {} : { clipNorm: clip }),
      ...(owner ? { parameterGroupOf: owner } : {}),
      ...(substeps === undefined ? {} : { substeps }),
    });
    const average =
      ema === undefined || owner ? {} : { average: new WeightAverage(optimiser, ema) };
    trained.push({ update, optimiser, ...average });
  }
  return trained;
}

/** The terms of an update behind the first: its loss goes by the update's name. */
function renamed({ loss, ...others }: LossTerms, name: string): SampleTerms {
  return { ...others, [name]: loss };
}
