import { LatentgradError } from "../gpu/errors.ts";

/** A run was stopped from outside: Ctrl-C, or a signal to the process. */
export class InterruptedError extends LatentgradError {
  override name = "InterruptedError";
  constructor(
    /** Exit status: 128 and the number of the signal. */
    override readonly exitCode: number,
    outcome: string,
  ) {
    super(outcome === "" ? "interrupted" : `interrupted; ${outcome}`);
  }
}

/**
 * Passes an interruption from the process to the work in it. Work that can stop by itself says so,
 * looks here now and then, and leaves what it has in order; other work the process may end at once.
 */
export class Interruption {
  /** Exit status that was asked for; undefined while nobody has. */
  private status: number | undefined;
  private attentive = false;
  /** What an interruption leaves at the moment, for its line on stderr. */
  private outcome = "";

  /**
   * Asks the work to stop.
   *
   * @returns the error to end with at once, where no work stops by itself
   */
  request(status: number): InterruptedError | undefined {
    this.status ??= status;
    return this.attentive ? undefined : new InterruptedError(status, this.outcome);
  }

  get requested(): boolean {
    return this.status !== undefined;
  }

  /** From now on the work looks at `requested`. */
  attend(): void {
    this.attentive = true;
  }

  /** From now on it does not; `outcome` is what is kept if the process ends. */
  ignore(outcome: string): void {
    this.attentive = false;
    this.outcome = outcome;
  }

  /** The error to end with, once things are in order. */
  error(outcome: string): InterruptedError {
    return new InterruptedError(this.status ?? 130, outcome);
  }
}
