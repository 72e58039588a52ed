import { binarise } from "../data/binarise.ts";
import type { Download } from "../data/files.ts";
import { DeviceImages } from "../data/loader.ts";
import type { Dataset } from "../data/types.ts";
import { IoError, NonFiniteError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { seedWords } from "../kernels/philox.ts";
import { Evaluation, type TermStatistics } from "../train/evaluation.ts";
import type { MetricRecord } from "../train/metrics.ts";
import { now } from "../train/metrics-log.ts";
import { loadRunData, type OpenRun, withRun } from "../train/open-run.ts";
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
  options: {
    readonly checkpoint?: string | undefined;
    readonly dataDir?: string | undefined;
    /** Adds the accuracy of a linear probe on the codes. */
    readonly probe?: boolean | undefined;
  },
  host: Host,
  onDownload?: (download: Download) => void,
): Promise<Evaluated> {
  return withRun(run, options, host, async (open) => {
    const { folder, config, model, checkpoint } = open;
    const { dataDir } = options;
    const dataset = await loadRunData(config, { host, dataDir, onDownload });
    const terms = await evaluateTest(open, dataset);
    for (const [name, { mean }] of Object.entries(terms))
      if (!Number.isFinite(mean))
        throw new NonFiniteError(`test ${name}`, checkpoint.step, `the mean is ${mean}`);
    const metrics = metricsOf(terms, dataset.test.count, model.beta?.value);
    if (options.probe) {
      const { accuracy, fitted } = await probeAccuracy(open, dataset);
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

/** Each loss term over the test part, binarised as in training. */
export async function evaluateTest(
  { device, model, config }: OpenRun,
  dataset: Dataset,
): Promise<Readonly<Record<string, TermStatistics>>> {
  const { seed, binarise: how } = config.options;
  const images = new DeviceImages(device, dataset.test, dataset, "test images");
  const transform = how === "dynamic" ? binarise : undefined;
  const evaluation = await Evaluation.create(model, images, BATCH, seedWords(seed), { transform });
  const terms = await evaluation.run();
  evaluation.release();
  return terms ?? {};
}

/** How each term is to be read; a term of another model is a sum of nats, too. */
const notes: Readonly<Record<string, string>> = {
  reconstruction: "nats per sample, summed over pixels; one draw of z an image",
  kl: "nats per sample, summed over latent dimensions",
};

/**
 * The terms as measures, and the ELBO: minus reconstruction and KL term, each with weight 1.
 *
 * @param beta weight of the KL term in the loss
 */
export function metricsOf(
  terms: Readonly<Record<string, TermStatistics>>,
  n: number,
  beta: number | undefined,
): Record<string, Metric> {
  const loss = beta === undefined ? "" : `, reconstruction + ${beta} · kl`;
  const metrics: Record<string, Metric> = {};
  for (const [name, { mean, sd }] of Object.entries(terms)) {
    const note = name === "loss" ? `nats per sample${loss}; one draw of z an image` : notes[name];
    metrics[name] = { value: mean, sd, n, note: note ?? "nats per sample" };
  }
  const { loss: whole, reconstruction, kl } = terms;
  if (reconstruction && kl) {
    const note = "nats per sample, −(reconstruction + kl): at most ln p(x); one draw of z an image";
    const value = -(reconstruction.mean + kl.mean);
    // The deviation of a sum is that of the loss if the loss is this sum; else nobody has measured it.
    metrics.elbo = whole && beta === 1 ? { value, sd: whole.sd, n, note } : { value, n, note };
  }
  return metrics;
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
