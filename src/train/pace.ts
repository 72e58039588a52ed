/** How far an epoch is, for people who wait. */
export interface Progress {
  readonly phase: "training" | "validation";
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done in the epoch, and steps that it has. */
  readonly step: number;
  readonly steps: number;
  /** Undefined while too little is known: the first steps compile kernels. */
  readonly imagesPerSecond: number | undefined;
  /**
   * Estimates, with validation: of this epoch, and of all that are left. Undefined while too little is
   * known.
   */
  readonly secondsLeft: number | undefined;
  readonly secondsLeftInAll: number | undefined;
  /** Means of the loss terms over the epoch so far, in nats per sample. */
  readonly terms: Readonly<Record<string, number>>;
}

/** Share of the newest measurement in the running mean of a step's time. */
const SHARE = 0.2;

/** Measures how fast steps go, and estimates what is left. It decides nothing. */
export class Pace {
  private secondsAStep: number | undefined;
  /** The next steps compile kernels, and say little about those behind them. */
  private compiling = true;
  private validationSeconds = Number.POSITIVE_INFINITY;
  private last: number;

  /**
   * @param validationSteps batches that a validation is as long as
   * @param now a clock in milliseconds
   */
  constructor(
    private readonly validationSteps: number,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.last = now();
  }

  /** Begins to measure: what happened since the last measurement does not count. */
  start(): void {
    this.last = this.now();
  }

  /** The steps that follow are others than those before: what was measured does not count. */
  startAnew(): void {
    this.compiling = true;
    this.secondsAStep = undefined;
  }

  /** So many steps are done since the last measurement. */
  tick(steps: number): void {
    const time = this.now();
    const seconds = (time - this.last) / 1000 / steps;
    this.last = time;
    if (this.compiling) this.compiling = false;
    else if (this.secondsAStep === undefined) this.secondsAStep = seconds;
    else this.secondsAStep += SHARE * (seconds - this.secondsAStep);
  }

  validated(seconds: number): void {
    this.validationSeconds = seconds;
  }

  /** Progress when `step` steps of the epoch (from 1) are done. */
  at(
    place: Pick<Progress, "phase" | "epoch" | "epochs" | "step" | "steps" | "terms">,
    batch: number,
  ): Progress {
    const { secondsAStep, validationSteps } = this;
    const { epoch, epochs, step, steps } = place;
    if (secondsAStep === undefined)
      return {
        ...place,
        ...{ imagesPerSecond: undefined, secondsLeft: undefined, secondsLeftInAll: undefined },
      };
    // The first validation compiles kernels, too; without derivatives it is faster than as many steps.
    const validation = Math.min(this.validationSeconds, validationSteps * secondsAStep);
    const secondsLeft = (steps - step) * secondsAStep + validation;
    return {
      ...place,
      imagesPerSecond: secondsAStep > 0 ? batch / secondsAStep : 0,
      secondsLeft,
      secondsLeftInAll: secondsLeft + (epochs - epoch) * (steps * secondsAStep + validation),
    };
  }
}
