import type { EpochReport } from "../train/epochs.ts";
import type { Progress } from "../train/pace.ts";
import type { Output } from "./output.ts";

/** Without a terminal a long epoch says how it goes on no more often than this. */
const LINE_SECONDS = 30;
/** Characters of the bar, as there is room. */
const BAR = { most: 24, least: 8 };

/** Shows how training goes: a bar on a terminal, a plain line now and then elsewhere. */
export class ProgressView {
  private printed = performance.now();

  constructor(
    private readonly output: Output,
    private readonly terminal: boolean,
    private readonly columns: () => number,
  ) {}

  show(progress: Progress): void {
    if (this.terminal) {
      this.output.status(progressBar(progress, this.columns(), this.output));
      return;
    }
    if (performance.now() - this.printed < 1000 * LINE_SECONDS) return;
    this.printed = performance.now();
    this.output.progress(progressLine(progress));
  }

  epoch(report: EpochReport): void {
    this.printed = performance.now();
    this.output.progress(epochLine(report, this.output));
  }
}

/**
 * One line that fits into `columns`:
 * `epoch 2/5 ━━━━━━━━━━━━━━━─────────  63 %  ETA 1:23 (8:05 in all)  1204 images/s  loss 163.21 …`.
 * The bar gives way to words; what still does not fit is left out from the end.
 */
export function progressBar(
  progress: Progress,
  columns: number,
  output: Pick<Output, "bold" | "isStyled">,
): string {
  const { step, steps, epoch, epochs } = progress;
  const share = steps > 0 ? step / steps : 1;
  const head = `epoch ${epoch}/${epochs}`;
  const all = parts(progress);
  const words = all.reduce((length, part) => length + 2 + part.length, head.length + 1);
  const size = Math.max(BAR.least, Math.min(BAR.most, columns - 1 - words));
  const full = Math.round(size * share);
  const bar = output.isStyled
    ? `\u001b[36m${"━".repeat(full)}\u001b[90m${"━".repeat(size - full)}\u001b[39m`
    : "#".repeat(full) + "-".repeat(size - full);
  let line = `${output.bold(head)} ${bar}`;
  let width = head.length + 1 + size;
  for (const part of all) {
    width += 2 + part.length;
    if (width >= columns) break; // the last column stays free: some terminals wrap there
    line += `  ${part}`;
  }
  return line;
}

function parts(progress: Progress): string[] {
  const { phase, step, steps, imagesPerSecond, terms } = progress;
  const { secondsLeft, secondsLeftInAll, epoch, epochs } = progress;
  const percent = `${Math.floor((100 * step) / Math.max(1, steps))} %`.padStart(5);
  const all = epoch < epochs ? ` (${clock(secondsLeftInAll)} in all)` : "";
  const eta = `ETA ${clock(secondsLeft)}${all}`;
  const losses = Object.entries(terms).map(([name, value]) => `${name} ${decimals(value)}`);
  if (phase === "validation") return [percent, "validating", ...losses];
  return [percent, eta, `${rate(imagesPerSecond)} images/s`, ...losses];
}

/** The same in plain words, for logs. */
function progressLine(progress: Progress): string {
  const { epoch, epochs, step, steps } = progress;
  return [`epoch ${epoch}/${epochs}`, `step ${step}/${steps}`, ...parts(progress)]
    .map((part) => part.trim())
    .join("  ");
}

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
    ...(validation !== undefined && report.best ? ["best"] : []),
    `${report.steps} steps`,
    `${report.seconds.toFixed(1)} s`,
    // A run that goes on at an epoch's end had nothing left to train in it.
    ...(report.imagesPerSecond > 0 ? [`${rate(report.imagesPerSecond)} images/s`] : []),
  ];
  return parts.join("  ");
}

/** Nats with two decimals. */
export function decimals(value: number): string {
  return value.toFixed(2);
}

function rate(value: number): string {
  return value.toFixed(value < 10 ? 1 : 0);
}

/** `0:07`, `1:23`, `2:05:10`. */
export function clock(seconds: number): string {
  if (!Number.isFinite(seconds)) return "–";
  const whole = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0
    ? `${hours}:${two(minutes)}:${two(whole % 60)}`
    : `${minutes}:${two(whole % 60)}`;
}
