import {
  DeviceLostError,
  GpuValidationError,
  type LatentgradError,
  OutOfMemoryError,
} from "./errors.ts";

import { Shown } from "./shown.ts";
import type { Target } from "./target.ts";

/**
 * A WebGPU device whose errors are typed. WebGPU reports what went wrong later and elsewhere:
 * through error scopes, events and promises. Here each becomes one error that names the op or the
 * tensor, thrown by the next call that could tell.
 */
export abstract class GuardedDevice extends Shown {
  /** Set once the device is gone; every later use throws it. */
  lost: DeviceLostError | undefined;
  /** The op that was given to the device last: losses name it. @internal */
  protected lastOp = "idle";
  /** Counts up whenever everything before is known to be in order. @internal */
  protected epoch = 1;
  private failure: LatentgradError | undefined;
  private readonly checks = new Set<Promise<void>>();
  private readonly waiters = new Set<(lost: DeviceLostError) => void>();
  /**
   * Epochs in which something failed. What any op wrote then is no data, since WebGPU drops a whole
   * submit when one command in it is no good.
   */
  private readonly spoiled = new Map<number, LatentgradError>();

  /** @internal */
  constructor(
    readonly gpu: GPUDevice,
    /** What it is good at. */
    readonly target: Target,
  ) {
    super();
    gpu.lost.then((info) => this.lose(info.message || info.reason || "no reason given"));
    gpu.addEventListener?.("uncapturederror", (event) => {
      event.preventDefault?.();
      const { error } = event as GPUUncapturedErrorEvent;
      if (tellsLoss(error.message)) this.lose(firstLine(error.message));
      else this.fail(this.classify(this.lastOp, error), this.epoch);
    });
  }

  get limits(): GPUSupportedLimits {
    return this.gpu.limits;
  }

  /** Forgets commands that were encoded and not submitted. @internal */
  protected abstract dropUnsubmitted(): void;

  /** @internal */
  protected abstract hasUnsubmitted(): boolean;

  /** Gives back what nobody uses, after the driver had no memory for something. @internal */
  protected abstract makeRoom(): void;

  /** Notes that the device is gone: everything that waits for it is told. @internal */
  lose(reason: string): void {
    this.lost ??= new DeviceLostError(this.lastOp, reason);
    this.dropUnsubmitted();
    for (const giveUp of this.waiters) giveUp(this.lost);
    this.waiters.clear();
  }

  /** Throws if the device is gone or a device error was reported. @internal */
  alive(): void {
    if (this.lost) throw this.lost;
    if (this.failure) {
      const failure = this.failure;
      this.failure = undefined;
      throw failure;
    }
  }

  /** Runs `body` such that the implementation's running out of memory becomes an OutOfMemoryError. @internal */
  guardMemory<T>(
    tensor: string,
    bytes: number,
    body: () => T,
    failed?: (result: T, error: OutOfMemoryError) => void,
  ): T {
    return this.guard(
      "out-of-memory",
      body,
      (message) => new OutOfMemoryError(tensor, bytes, message),
      failed,
      false, // ops that were to use the buffer fail on their own
    );
  }

  /**
   * Runs `body` such that a rejection becomes a GpuValidationError naming `op`.
   *
   * @param more.what put in front of the implementation's message
   * @param more.failed called when the implementation reports the rejection
   * @param more.spoils whether results of ops are lost with it; default true
   * @internal
   */
  guardValidation<T>(
    op: string,
    body: () => T,
    more: {
      readonly what?: string;
      readonly failed?: () => void;
      readonly spoils?: boolean;
    } = {},
  ): T {
    return this.guard(
      "validation",
      body,
      (message) => new GpuValidationError(op, `${more.what ?? ""}${message}`),
      more.failed,
      more.spoils ?? true,
    );
  }

  private guard<T, E extends LatentgradError>(
    filter: GPUErrorFilter,
    body: () => T,
    make: (message: string) => E,
    failed: ((result: T, error: E) => void) | undefined,
    spoils: boolean,
  ): T {
    const { epoch } = this;
    this.gpu.pushErrorScope(filter);
    let result: T;
    try {
      result = body();
    } catch (error) {
      this.gpu.popErrorScope().catch(() => null);
      // A runtime may throw at once where the specification speaks of an error scope.
      if (error instanceof Error && "exitCode" in error) throw error;
      this.alive();
      throw make(firstLine(error instanceof Error ? error.message : String(error)));
    }
    const check = this.gpu
      .popErrorScope()
      .then(
        (error) => {
          if (!error) return;
          if (tellsLoss(error.message)) {
            this.lose(firstLine(error.message));
            return;
          }
          const failure = make(firstLine(error.message));
          failed?.(result, failure);
          if (filter === "out-of-memory" && !this.lost) this.makeRoom();
          this.fail(failure, spoils ? epoch : undefined);
        },
        () => undefined, // a lost device answers no scopes; `lost` tells
      )
      .finally(() => this.checks.delete(check));
    this.checks.add(check);
    return result;
  }

  private classify(op: string, error: GPUError): LatentgradError {
    const message = firstLine(error.message);
    return error.constructor.name === "GPUOutOfMemoryError"
      ? new OutOfMemoryError(`a buffer near ${op}`, 0, message)
      : new GpuValidationError(op, message);
  }

  /** @param since the epoch from which on results of ops are lost with it, if they are */
  private fail(error: LatentgradError, since?: number): void {
    // Later complaints are mostly about what the first failure left behind, and what a driver says
    // of a buffer that it could not make tells less than that it could not.
    const cause = error instanceof OutOfMemoryError && this.failure instanceof GpuValidationError;
    if (cause || !this.failure) this.failure = error;
    if (since === undefined) return;
    for (let e = since; e <= this.epoch; e++) if (!this.spoiled.has(e)) this.spoiled.set(e, error);
    this.epoch++;
  }

  /** Waits for the answers of all error scopes, then throws the first failure. @internal */
  async settle(): Promise<void> {
    await this.survive(Promise.all(this.checks));
    this.alive();
    if (this.checks.size === 0 && !this.hasUnsubmitted()) this.epoch++;
  }

  /** Awaits a promise of the device; if the device is lost meanwhile, throws that. @internal */
  async survive<T>(promise: Promise<T>): Promise<T> {
    let giveUp: (lost: DeviceLostError) => void = () => undefined;
    const gone = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    if (this.lost) giveUp(this.lost);
    else this.waiters.add(giveUp);
    try {
      return await Promise.race([promise, gone]);
    } finally {
      this.waiters.delete(giveUp);
    }
  }

  /**
   * What to throw when the device did not do what was asked: the loss, which may become known a
   * moment after the failure it causes, or a failure reported by an error scope.
   */
  async explain(op: string, reason: string): Promise<LatentgradError> {
    for (let turn = 0; turn < 20 && !this.lost && !this.failure; turn++)
      await new Promise((resolve) => setTimeout(resolve, 5));
    try {
      this.alive();
    } catch (error) {
      return error as LatentgradError;
    }
    return new DeviceLostError(op, reason);
  }

  /** What failed in an epoch, so that nothing written in it is data. @internal */
  protected failureIn(epoch: number): LatentgradError | undefined {
    return this.spoiled.get(epoch);
  }
}

/** Some implementations report a loss as an error of whatever is asked of the device next. */
export function tellsLoss(message: string): boolean {
  return /\bdevice\b.*\b(is|was) (lost|destroyed)\b/i.test(message);
}

/** The gist of an implementation's message, on one line. */
export function firstLine(message: string): string {
  const lines = message
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^at .*:\d+\)$/.test(line)); // places in the driver's source
  return lines.slice(0, 6).join(" | ");
}
