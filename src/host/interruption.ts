import { LatentgradError } from "../gpu/errors.ts";

/** A run was stopped from outside: by Ctrl-C, SIGTERM or SIGHUP. */
export class InterruptedError extends LatentgradError {
  override name = "InterruptedError";
  override readonly exitCode = 130;
  constructor(outcome: string) {
    super(outcome === "" ? "interrupted" : `interrupted; ${outcome}`);
  }
}

/**
 * Passes an interruption from the process to the work in it. Work that can stop by itself says so,
 * looks here now and then, and leaves what it has in order; other work the process may end at once.
 */
export class Interruption {
  private readonly controller = new AbortController();
  private attentive = false;
  /** What an interruption leaves at the moment, for its line on stderr. */
  private outcome = "";
  private readonly listeners: (() => void)[] = [];

  /**
   * Asks the work to stop.
   *
   * @returns the error to end with at once, where no work stops by itself
   */
  request(): InterruptedError | undefined {
    const first = !this.requested;
    this.controller.abort(new InterruptedError(""));
    if (!this.attentive) return new InterruptedError(this.outcome);
    if (first) for (const listener of this.listeners) listener();
    return undefined;
  }

  /** Calls `listener` when the work is asked to stop for the first time and will do so by itself. */
  onRequest(listener: () => void): void {
    this.listeners.push(listener);
  }

  get requested(): boolean {
    return this.signal.aborted;
  }

  /** Aborts when the work is asked to stop. */
  get signal(): AbortSignal {
    return this.controller.signal;
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
    return new InterruptedError(outcome);
  }
}
