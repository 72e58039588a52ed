import { binarise } from "../data/binarise.ts";
import { DeviceImages } from "../data/loader.ts";
import { selectImages } from "../data/splits.ts";
import type { Split } from "../data/types.ts";
import { sha256 } from "../formats/sha256.ts";
import { withCleanUp } from "../gpu/clean-up.ts";
import type { Device } from "../gpu/device.ts";
import { CheckpointError, UsageError } from "../gpu/errors.ts";
import { buildModel } from "../models/build.ts";
import { dataShape } from "../models/definition.ts";
import type { Model } from "../models/model.ts";
import { Calendar } from "./calendar.ts";
import { Evaluation, type TermStatistics } from "./evaluation.ts";
import {
  type CheckpointFile,
  requireImage,
  requireModel,
  restoreModel,
  saveModel,
} from "./model-file.ts";
import { fixedOptions } from "./options.ts";
import { betaFactorAt, type Plan, paceAt } from "./plan.ts";
import {
  fromMetadata,
  otherCircumstances,
  otherData,
  requireSameRun,
  type StateFacts,
  type TrainState,
  toMetadata,
  withOtherData,
} from "./state.ts";
import { TrainingRun } from "./training-run.ts";

/** Images that are validated at once, at least. */
const LEAST_VALIDATED = 64;

/** A plan on a device: the model, its recorded step and its validation. Lost with the device. */
export class Session {
  private constructor(
    readonly device: Device,
    readonly model: Model,
    readonly run: TrainingRun,
    private readonly validation: Evaluation | undefined,
    private readonly facts: StateFacts,
    private readonly allowOtherData: boolean,
  ) {}

  /** Which step is of which epoch. */
  get calendar(): Calendar {
    return this.facts.calendar;
  }

  /**
   * Opens a device, builds the model and compiles everything. What is opened is closed again when
   * something fails.
   *
   * @param pause called between the parts of the work; it may throw to give up
   * @param onModel told of the model before anything is compiled
   */
  static async open(
    plan: Plan,
    openDevice: () => Promise<Device>,
    pause: () => void,
    onModel: (device: Device, model: Model) => void,
  ): Promise<Session> {
    const device = await openDevice();
    try {
      pause();
      return await Session.build(plan, device, pause, onModel);
    } catch (error) {
      device.close();
      throw error;
    }
  }

  private static async build(
    plan: Plan,
    device: Device,
    pause: () => void,
    onModel: (device: Device, model: Model) => void,
  ): Promise<Session> {
    const { options, entry, settings, dataset, split, held, batch, seed } = plan;
    const data = dataShape(dataset, split.train.length);
    const model = buildModel(entry, device, { data, settings, seed: options.seed });
    const { beta } = model;
    if (!beta && options.betaSchedule.text !== "constant")
      throw new UsageError(`--beta-schedule: ${entry.name} has no beta`);
    requireStages(plan, model);
    onModel(device, model);
    const imagesOf = (from: Split, rows: Uint32Array, label: string) =>
      new DeviceImages(device, selectImages(from, rows), dataset, label);
    const calendar = new Calendar(plan.steps);
    const transform = options.binarise === "dynamic" ? binarise : undefined;
    const run = await TrainingRun.create(
      model,
      imagesOf(dataset.train, split.train, "training images"),
      {
        batch,
        seed,
        epochs: plan.epochs,
        calendar,
        pace: (step) => paceAt(plan, model, calendar, step),
        ...(beta
          ? { beta: (step: number) => beta.value * betaFactorAt(plan, calendar, step) }
          : {}),
        clip: options.clip,
        ema: options.ema,
        transform,
      },
    );
    pause();
    const validation =
      split.validation.length > 0
        ? await Evaluation.create(
            model,
            imagesOf(held, split.validation, "validation images"),
            // Small training batches would make the validation slow.
            Math.min(Math.max(batch, LEAST_VALIDATED), split.validation.length),
            seed,
            { transform },
          )
        : undefined;
    pause();
    const facts = {
      model: options.model,
      data: dataset.name,
      fingerprint: plan.fingerprint,
      image: { height: dataset.height, width: dataset.width, channels: dataset.channels },
      seed,
      calendar,
      options: plan.config,
      adapter: device.adapter.name,
      runtime: device.adapter.runtime,
      variants: { ...(await variantsOf(run)), choices: device.variants.used() },
    };
    return new Session(device, model, run, validation, facts, options.allowOtherData);
  }

  /** A checkpoint of everything. Throws NonFiniteError as `saveModel` does. */
  save(state: TrainState): Promise<Uint8Array<ArrayBuffer>> {
    const { model, run, facts } = this;
    const { trained } = run;
    return saveModel({ model, trained }, toMetadata(state, facts), state.step);
  }

  /**
   * Puts back what `save` kept. With other data, where they are allowed, the epoch at work begins anew.
   *
   * @returns the state, and why what follows is not bit for bit what it would have been, or ""
   * @throws CheckpointError for a damaged file, or one of another run
   */
  async restore(file: CheckpointFile): Promise<{ state: TrainState; otherwise: string }> {
    const { model, run, facts, allowOtherData } = this;
    const { trained } = run;
    let found: { readonly state: TrainState; readonly otherwise: string } | undefined;
    await restoreModel({ model, trained }, file, (metadata) => {
      requireModel(facts.model, file.path)(metadata);
      requireImage(facts.image, file.path)(metadata);
      // Data that the file knows by their bytes may lie elsewhere by now.
      const anywhere = allowOtherData || metadata.training_data !== undefined;
      const fixed = fixedOptions.filter((name) => !(anywhere && name === "data"));
      requireSameRun(metadata, facts, fixed, file.path);
      found = this.goingOn(metadata, file.path);
    });
    return found!;
  }

  private goingOn(metadata: Readonly<Record<string, string>>, path: string) {
    const { facts, allowOtherData, calendar } = this;
    const { stepsPerEpoch: now } = calendar;
    const { state, spans } = fromMetadata(metadata, path);
    const { stepsPerEpoch: before } = spans.at(-1)!;
    const data = otherData(metadata, facts, path);
    if (before !== now && !allowOtherData)
      throw new CheckpointError(
        `${path}: its epochs have ${before} steps, with these data they have ${now}; --allow-other-data goes on with them`,
      );
    if (data === undefined && before === now) {
      calendar.restore(spans);
      return { state, otherwise: otherCircumstances(metadata, facts) };
    }
    const { state: changed, said } = withOtherData(
      state,
      spans,
      facts,
      this.validation !== undefined,
    );
    return {
      state: changed,
      otherwise: `${data ?? "the data are not those it had"}${said && ": "}${said}`,
    };
  }

  /**
   * The loss terms on the validation images, with the averaged weights where there are some and with
   * β in full. Undefined without such images, and once `stop` says so.
   */
  async validate(
    stop: () => boolean,
  ): Promise<Readonly<Record<string, TermStatistics>> | undefined> {
    this.run.restoreBeta();
    return this.withAverage(async () => this.validation?.run(stop));
  }

  /** Does something with the averaged weights in the place of the weights, where there are some. */
  async withAverage<T>(body: () => Promise<T>): Promise<T> {
    const exchange = () => {
      for (const { average } of this.run.trained) average?.exchange();
    };
    exchange();
    return withCleanUp(body, () => this.device.lost || exchange());
  }

  close(): void {
    this.device.close();
  }
}

/** The kernels of the recorded step: which variants of which families, in which shapes. */
async function variantsOf({
  stages,
}: TrainingRun): Promise<Omit<StateFacts["variants"], "choices">> {
  const steps = stages.flatMap(({ program }) => program.steps);
  const sources = steps.flatMap((step) => (step.kind === "dispatch" ? [step.source] : []));
  const all = sources.map(({ name, code }) => `${name}\n${code}`).join("\n");
  return {
    sha256: await sha256(new TextEncoder().encode(all)),
    kernels: sources.map(({ name }) => name),
  };
}

/** Stages are shares of the epochs: each wants one at least, and none of them may be cut short. */
function requireStages({ entry, options, epochs }: Plan, { stages = 1 }: Model): void {
  if (stages === 1 || options.dryRun) return;
  if (epochs < stages)
    throw new UsageError(
      `${entry.name}: ${epochs} epoch${epochs === 1 ? " is" : "s are"} not enough for ${stages} stages`,
    );
  if (options.patience !== undefined)
    throw new UsageError(
      `--patience: ${entry.name} is trained in stages, of which the last might never begin; take --epochs`,
    );
}
