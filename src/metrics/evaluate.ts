import { add, neg } from "../autograd/ops/elementwise.ts";
import { binarise } from "../data/binarise.ts";
import { DeviceImages } from "../data/loader.ts";
import type { Dataset } from "../data/types.ts";
import { DataError, IoError, NonFiniteError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { seedWords } from "../kernels/philox.ts";
import { momentsOf } from "../math/covariance.ts";
import { encodeAll } from "../models/codes.ts";
import type { ModelDefinition } from "../models/definition.ts";
import type { SampleTerms } from "../models/model.ts";
import type { SettingValue } from "../settings/setting.ts";
import { parseSettings } from "../settings/settings.ts";
import { Evaluation, type TermStatistics } from "../train/evaluation.ts";
import type { MetricRecord } from "../train/metrics.ts";
import { now } from "../train/metrics-log.ts";
import { type OpenRun, withRun } from "../train/open-run.ts";
import {
  loadRunData,
  type RunDataPlace,
  type RunDataWatch,
  runDataName,
} from "../train/run-data.ts";
import { momentKl } from "./frechet.ts";
import { probeAccuracy } from "./probe.ts";

/** Images that are evaluated at once. */
const BATCH = 64;

/** One measure, as `evaluate --json` prints it. */
export interface Metric {
  readonly value: number;
  /** Standard deviation over the images. */
  readonly sd?: number;
  /** Images. */
  readonly n: number;
  /** Its unit, and how it was computed. */
  readonly note?: string;
}

export interface Evaluated {
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly checkpoint: OpenRun["checkpoint"];
  /** Why metrics.jsonl does not have it, if it was not writable. */
  readonly unsaved?: IoError;
}

/**
 * `evaluate`: the loss terms on the whole test part, with the weights of a checkpoint and with β in full.
 * They are appended to the run's metrics.jsonl.
 *
 * @throws NonFiniteError for a term that is NaN or infinite
 */
export async function evaluate(
  run: string,
  options: RunDataPlace & {
    readonly checkpoint?: string | undefined;
    /** Adds the accuracy of a linear probe on the codes. */
    readonly probe?: boolean | undefined;
  },
  host: Host,
  told: RunDataWatch = {},
): Promise<Evaluated> {
  return withRun(run, options, host, async (open) => {
    const { folder, config, checkpoint } = open;
    let other: string | undefined;
    const onOtherData = (line: string) => {
      other = line;
      told.onOtherData?.(line);
    };
    const dataset = await loadRunData(config, host, options, { ...told, onOtherData });
    const { entry } = config;
    const source = runDataName(config, options);
    if (entry.pairs && dataset.test.count < 2)
      throw new DataError(`${source}: ${entry.name} compares images, and one is for testing`);
    const terms = await evaluateTest(open, dataset);
    for (const [name, { mean }] of Object.entries(terms))
      if (!Number.isFinite(mean))
        throw new NonFiniteError(`test ${name}`, checkpoint.step, `the mean is ${mean}`);
    const settings = parseSettings(entry, config.options.settings);
    const metrics = metricsOf(terms, dataset.test.count, entry, settings);
    if (other !== undefined && metrics.loss) {
      const note = [metrics.loss.note, other].filter(Boolean).join("; ");
      metrics.loss = { ...metrics.loss, note };
    }
    Object.assign(metrics, await priorMatch(open, dataset));
    if (options.probe) {
      const { accuracy, fitted } = await probeAccuracy(open, dataset, source);
      const note = `share of classes that a linear map of the codes finds, fitted to ${fitted} training images`;
      metrics.probe_accuracy = { value: accuracy, n: dataset.test.count, note };
    }
    try {
      await folder.appendMetrics([recordOf(metrics, checkpoint)]);
    } catch (error) {
      // What was computed is told all the same.
      if (error instanceof IoError) return { metrics, checkpoint, unsaved: error };
      throw error;
    }
    return { metrics, checkpoint };
  });
}

/** Each loss term over the test part, binarised as in training, and the ELBO where there is one. */
export async function evaluateTest(
  { device, model, config }: OpenRun,
  dataset: Dataset,
): Promise<Readonly<Record<string, TermStatistics>>> {
  const { seed, binarise: when } = config.options;
  const images = new DeviceImages(device, dataset.test, dataset, "test images");
  const transform = when === "dynamic" ? binarise : undefined;
  const derive = config.entry.bound ? withElbo : undefined;
  const how = { transform, derive };
  const evaluation = await Evaluation.create(model, images, BATCH, seedWords(seed), how);
  const terms = await evaluation.run();
  evaluation.release();
  return terms ?? {};
}

/** With the ELBO: minus reconstruction and KL term of each image, both with weight 1. */
function withElbo(terms: SampleTerms): SampleTerms {
  const { reconstruction, kl } = terms;
  return reconstruction && kl ? { ...terms, elbo: neg(add(reconstruction, kl)) } : terms;
}

/** Of a model with a code of content and one of style: how far each, over all test images, is from the prior. */
async function priorMatch(
  { device, model }: OpenRun,
  { test, ...image }: Dataset,
): Promise<Record<string, Metric>> {
  const { content, latent } = model;
  if (typeof content !== "number" || test.count < 2) return {};
  const codes = await encodeAll(
    device,
    model,
    new DeviceImages(device, test, image, "test images"),
  );
  const values = await codes.data();
  device.release(codes.value);
  const moments = momentsOf(values, latent);
  const note =
    "nats, KL of a normal distribution with the mean and variance of each dimension of the test images' codes to N(0, I), summed over the dimensions";
  const metric = (from: number, to: number): Metric => ({
    value: momentKl(moments, from, to),
    n: test.count,
    note,
  });
  return { content_kl: metric(0, content), style_kl: metric(content, latent) };
}

/** The terms as measures, with the notes of a model of these settings. */
export function metricsOf(
  terms: Readonly<Record<string, TermStatistics>>,
  n: number,
  { notes, bound }: Pick<ModelDefinition, "notes" | "bound">,
  settings: Readonly<Record<string, SettingValue>>,
): Record<string, Metric> {
  const elbo = `nats per sample, −(reconstruction + kl): at most ${bound}; one draw of z an image`;
  const all: Readonly<Record<string, string>> = { ...notes, elbo };
  return Object.fromEntries(
    Object.entries(terms).map(([name, { mean, sd }]) => {
      const note = all[name]?.replace(/\{(\w+)\}/g, (_, setting) => String(settings[setting]));
      return [name, { value: mean, sd, n, ...(note === undefined ? {} : { note }) }];
    }),
  );
}

/** The line of metrics.jsonl; step and epoch are the checkpoint's. */
export function recordOf(
  metrics: Readonly<Record<string, Metric>>,
  { name, epoch, step }: OpenRun["checkpoint"],
): MetricRecord {
  const values = Object.entries(metrics).map(([metric, { value }]) => [metric, value] as const);
  const images = Object.values(metrics)[0]?.n ?? 0;
  const about = { split: "test", checkpoint: name, images };
  const terms = Object.fromEntries(values);
  return { kind: "eval", step, epoch, time: now(), ...about, ...terms };
}
