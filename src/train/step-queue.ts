import { NonFiniteError } from "../gpu/errors.ts";
import type { Portion, StepRows, TrainingRun } from "./training-run.ts";

/** The steps of a training that were queued, and those among them that were not waited for. */
export class StepQueue {
  /** The last step that was queued. */
  last = 0;
  private waiting: Portion[] = [];
  /** Why the training cannot go on. */
  private failed: NonFiniteError | undefined;

  constructor(private readonly run: TrainingRun) {}

  /** Portions that were not waited for. */
  get portions(): number {
    return this.waiting.length;
  }

  /** The last step that was waited for. */
  get settled(): number {
    const [next] = this.waiting;
    return next ? next.first - 1 : this.last;
  }

  /** Queues the steps of one epoch up to `last`. */
  add(last: number): void {
    this.waiting.push(this.run.queue(this.last + 1, last));
    this.last = last;
  }

  /** Waits for the first portion, if there is one. Throws NonFiniteError as `TrainingRun.settle`. */
  async settle(onRows: (done: StepRows) => void): Promise<void> {
    const portion = this.waiting.shift();
    if (portion) await this.watch(() => this.run.settle(portion, onRows));
  }

  /** Throws the NonFiniteError of what was queued, if there is one. */
  requireFinite(): Promise<void> {
    return this.watch(() => this.run.requireFinite());
  }

  /** Throws if a step has failed. */
  requireSound(): void {
    if (this.failed) throw this.failed;
  }

  /**
   * Throws if the weights are those of no step: where a step makes one update, one that fails has moved no
   * weights, and they are those before it.
   */
  requireWhole(): void {
    if (this.failed && !this.run.isSingle) throw this.failed;
  }

  /** Goes on from another step. */
  restart(step: number): void {
    this.last = step;
    this.waiting = [];
    this.failed = undefined;
  }

  private async watch(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (error instanceof NonFiniteError && error.step !== undefined) {
        this.restart(error.step - 1);
        this.failed = error;
      }
      throw error;
    }
  }
}
