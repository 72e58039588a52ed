/** Run folders as tests of figures and reports want them. */

import type { MetricRecord } from "../../src/train/metrics.ts";
import { type RunConfig, readRunConfig } from "../../src/train/open-run.ts";
import { RunFolder } from "../../src/train/run-folder.ts";
import { MemoryHost } from "./memory-host.ts";

/** Steps in an epoch of these runs. */
export const stepsPerEpoch = 4;

/** A config.json; `changes` are laid over it. */
export function configFile(changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    model: "vae",
    data: "glyphs",
    epochs: 2,
    batch: 16,
    seed: 1,
    set: { network: "dense", latent: 2, beta: 1, width: 1, "learning-rate": 0.001 },
    ...changes,
    run: {
      version: "0.1.0",
      image: { height: 28, width: 28, channels: 1 },
      classes: ["arc", "line"],
      trainingImages: 64,
      validationImages: 10,
      stepsPerEpoch,
      parameters: 1234,
      adapter: { name: "an adapter", kind: "llvmpipe" },
      environment: { runtime: "deno", version: "2.9.6", system: "linux x86_64", threads: 2 },
      step: {
        ...{ dispatches: 32, copies: 0, submits: 1 },
        ...{ peakBytes: 1687040, textureBytes: 0, flops: 4e8 },
      },
      ...(changes.run as object | undefined),
    },
  });
}

/** That configuration as it is read. */
export async function configOf(
  changes: Readonly<Record<string, unknown>> = {},
): Promise<RunConfig> {
  return readRunConfig(await runFolder([], changes));
}

/** A run folder `r` in memory with these metrics. */
export async function runFolder(
  records: readonly MetricRecord[],
  changes: Readonly<Record<string, unknown>> = {},
  host = new MemoryHost(),
): Promise<RunFolder> {
  host.put("r/config.json", configFile(changes));
  host.put("r/metrics.jsonl", records.map((record) => `${JSON.stringify(record)}\n`).join(""));
  return RunFolder.open("r", host);
}

/** A step with loss 9, or another. */
export function stepRecord(step: number, loss: number | null = 9): MetricRecord {
  const epoch = Math.ceil(step / stepsPerEpoch);
  const rest = loss === null ? null : loss - 4;
  return { kind: "step", step, epoch, loss, reconstruction: rest, kl: 4 };
}

/** An epoch with training loss 9, and with a validation loss if one is given. */
export function epochRecord(epoch: number, validation?: number): MetricRecord {
  const step = epoch * stepsPerEpoch;
  const terms = { loss: 9, reconstruction: 5, kl: 4 };
  const about = { kind: "epoch", step, epoch, time: 1e9 + epoch, seconds: 2 } as const;
  return validation === undefined
    ? { ...about, ...terms }
    : { ...about, ...terms, validation_loss: validation };
}

/** Steps and epochs of a training whose loss falls from 550 towards 100. */
export function fallingRun(epochs: number, validated = true): MetricRecord[] {
  const at = (step: number) => 100 + 450 * Math.exp(-step / 3) + 20 * Math.exp(-step / 40);
  return Array.from({ length: epochs }, (_, e) => {
    const steps = Array.from({ length: stepsPerEpoch }, (_, i) => e * stepsPerEpoch + i + 1);
    const end = at(steps.at(-1)!);
    return [
      ...steps.map((step) => stepRecord(step, at(step))),
      {
        ...epochRecord(e + 1, validated ? end + 1 : undefined),
        ...{ loss: end, reconstruction: end - 4, learning_rate: 0.001, beta: 1 },
      },
    ];
  }).flat();
}
