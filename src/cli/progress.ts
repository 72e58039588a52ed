import { counted, listed, whole } from "../figures/text.ts";
import type { EpochReport } from "../train/epochs.ts";
import type { Progress } from "../train/pace.ts";
import type { Phase, TrainingMachine, TrainingStart } from "../train/start.ts";
import type { Output } from "./output.ts";

/** Without a terminal a long epoch says how it goes on no more often than this. */
const LINE_SECONDS = 30;
/** Characters of the bar, as there is room. */
const BAR = { most: 24, least: 8 };

const phases: Readonly<Record<Phase, string>> = {
  compiling: "compiling kernels",
  "drawing figures": "drawing figures",
};

/** Shows how training goes: a bar on a terminal, a plain line now and then elsewhere. */
export class ProgressView {
  private printed = performance.now();

  constructor(
    private readonly output: Output,
    private readonly terminal: boolean,
    private readonly columns: () => number,
  ) {}

  /** What is trained on what, and where it is kept. */
  start(start: TrainingStart): void {
    for (const line of startLines(start, this.output)) this.output.progress(line);
  }

  /** What it is trained with. */
  machine({ parameters, adapter, runtime }: TrainingMachine): void {
    this.output.progress(`${counted(parameters, "parameter")}, on ${adapter} (${runtime})`);
  }

  /** Work that may take a while; on a terminal the next line takes its place. */
  phase(phase: Phase): void {
    const line = `${phases[phase]} …`;
    if (this.terminal) this.output.status(line);
    else this.output.progress(line);
  }

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
    this.output.progress(epochLine(report, this.columns(), this.output));
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
  output: Pick<Output, "bold" | "bar">,
): string {
  const { step, steps, epoch, epochs } = progress;
  const share = steps > 0 ? step / steps : 1;
  const head = `epoch ${epoch}/${epochs}`;
  const all = parts(progress);
  const words = all.reduce((length, part) => length + 2 + part.length, head.length + 1);
  const size = Math.max(BAR.least, Math.min(BAR.most, columns - 1 - words));
  const full = Math.round(size * share);
  const drawn = `${output.bold(head)} ${output.bar(full, size)}`;
  return fitting(drawn, head.length + 1 + size, all, columns);
}

function parts(progress: Progress): string[] {
  const { phase, step, steps, imagesPerSecond, terms } = progress;
  const { secondsLeft, secondsLeftInAll, epoch, epochs } = progress;
  const percent = `${Math.floor((100 * step) / Math.max(1, steps))} %`.padStart(5);
  const all =
    epoch < epochs && secondsLeftInAll !== undefined ? ` (${clock(secondsLeftInAll)} in all)` : "";
  const pace = [
    ...(secondsLeft === undefined ? [] : [`ETA ${clock(secondsLeft)}${all}`]),
    ...(imagesPerSecond === undefined ? [] : [`${rate(imagesPerSecond)} images/s`]),
  ];
  const losses = Object.entries(terms).map(([name, value]) => `${name} ${decimals(value)}`);
  if (phase === "validation") return [percent, "validating", ...losses];
  return [percent, ...pace, ...losses];
}

/** The same in plain words, for logs. */
function progressLine(progress: Progress): string {
  const { epoch, epochs, step, steps } = progress;
  return [`epoch ${epoch}/${epochs}`, `step ${step}/${steps}`, ...parts(progress)]
    .map((part) => part.trim())
    .join("  ");
}

/**
 * The lines that a training begins with:
 * `vae on glyphs, kept in runs/vae-glyphs` and
 * `9,000 training, 1,000 validation and 2,000 test images; batch size 128, 5 epochs of 70 steps`.
 */
export function startLines(start: TrainingStart, output: Pick<Output, "bold">): string[] {
  const { model, data, out, training, validation, test, batch, epochs, steps } = start;
  const kept = out === undefined ? "a dry run, of which nothing is kept" : `kept in ${out}`;
  const parts = Object.entries({ training, validation, test });
  const images = `${listed(parts.map(([part, n]) => `${n > 0 ? whole(n) : "no"} ${part}`))} images`;
  return [
    `${output.bold(`${model} on ${data}`)}, ${kept}`,
    `${images}; batch size ${batch}, ${counted(epochs, "epoch")} of ${counted(steps, "step")}`,
  ];
}

/**
 * The line of one epoch, in nats per sample, as far as it fits into `columns`; metrics.jsonl has all:
 * `epoch 1/5  loss 261.42  val 259.80 best  41.3 s  reconstruction 257.20  kl 4.22  242 images/s`.
 */
export function epochLine(
  report: EpochReport,
  columns: number,
  output: Pick<Output, "bold">,
): string {
  const { epoch, epochs, train, seconds, imagesPerSecond } = report;
  const { loss, ...terms } = train;
  const validation = report.validation?.loss;
  const head = `epoch ${epoch}/${epochs}`;
  const parts = [
    ...(loss === undefined ? [] : [`loss ${decimals(loss)}`]),
    ...(validation === undefined
      ? []
      : [`val ${decimals(validation)}${report.best ? " best" : ""}`]),
    `${seconds.toFixed(1)} s`,
    ...Object.entries(terms).map(([name, value]) => `${name} ${decimals(value)}`),
    // A run that goes on at an epoch's end had nothing left to train in it.
    ...(imagesPerSecond > 0 ? [`${rate(imagesPerSecond)} images/s`] : []),
  ];
  return fitting(output.bold(head), head.length, parts, columns);
}

/** A line of as many parts as fit; the last column stays free, as some terminals wrap there. */
function fitting(head: string, length: number, parts: readonly string[], columns: number): string {
  let line = head;
  let width = length;
  for (const part of parts) {
    width += 2 + part.length;
    if (width >= columns) break;
    line += `  ${part}`;
  }
  return line;
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
