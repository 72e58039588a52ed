import type { EpochReport } from "../train/train.ts";
import type { Output } from "./output.ts";

/**
 * The line of one epoch, in nats per sample:
 * `epoch 1/5  loss 261.42  reconstruction 257.20  kl 4.22  | validation loss 259.80  78 steps  …`.
 */
export function epochLine(report: EpochReport, output: Pick<Output, "bold">): string {
  const terms = Object.entries(report.train).map(([name, value]) => `${name} ${decimals(value)}`);
  const validation = report.validation?.loss;
  const parts = [
    output.bold(`epoch ${report.epoch}/${report.epochs}`),
    ...terms,
    ...(validation === undefined ? [] : [`| validation loss ${decimals(validation)}`]),
    `${report.steps} steps`,
    `${report.seconds.toFixed(1)} s`,
    `${report.imagesPerSecond.toFixed(0)} images/s`,
  ];
  return parts.join("  ");
}

/** Nats with two decimals. */
export function decimals(value: number): string {
  return value.toFixed(2);
}
