/** How far an epoch is, for people who wait. */
export interface Progress {
  readonly phase: "training" | "validation";
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done in the epoch, and steps that it has. */
  readonly step: number;
  readonly steps: number;
  readonly imagesPerSecond: number;
  /** Estimates, with validation: of this epoch, and of all that are left. */
  readonly secondsLeft: number;
  readonly secondsLeftInAll: number;
  /** Means of the loss terms over the epoch so far, in nats per sample. */
  readonly terms: Readonly<Record<string, number>>;
}

/** Share of the newest measurement in the running mean of a step's time. */
const SHARE = 0.2;

/** Measures how fast steps go, and estimates what is left. It decides nothing. */
export class Pace {
  private secondsAStep = 0;
  private measured = 0;
  private validationSeconds = 0;
  private last = performance.now();

  /** Begins to measure: what happened since the last measurement does not count. */
  start(): void {
    this.last = performance.now();
  }

  /** So many steps are done since the last measurement. */
  tick(steps: number): void {
    const time = performance.now();
    const now = (time - this.last) / 1000 / steps;
    this.last = time;
    // Software adapters compile kernels in the first step, which therefore says little.
    if (this.measured < 2) this.secondsAStep = now;
    else this.secondsAStep += SHARE * (now - this.secondsAStep);
    this.measured++;
  }

  validated(seconds: number): void {
    this.validationSeconds = seconds;
  }

  /** Progress when `step` steps of the epoch (from 1) are done. */
  at(
    place: Pick<Progress, "phase" | "epoch" | "epochs" | "step" | "steps" | "terms">,
    batch: number,
  ): Progress {
    const { secondsAStep, validationSeconds } = this;
    const { epoch, epochs, step, steps } = place;
    const secondsLeft = (steps - step) * secondsAStep + validationSeconds;
    return {
      ...place,
      imagesPerSecond: secondsAStep > 0 ? batch / secondsAStep : 0,
      secondsLeft,
      secondsLeftInAll: secondsLeft + (epochs - epoch) * (steps * secondsAStep + validationSeconds),
    };
  }
}
