/**
 * How long the steps take that are queued at once. Two such portions are under way at any time, so
 * that the adapter never waits for the host; more would make Ctrl-C and errors late.
 */
const QUEUE_SECONDS = 0.5;

/** Most steps of a portion: the loss log holds the rows of two. */
export const MOST_QUEUED = 256;

/** How many steps are queued at once, by how long they take. */
export class PortionSize {
  /** Steps of the next portion. */
  steps = 1;
  private waited = performance.now();

  /** A portion of so many steps is done. */
  done(steps: number): void {
    const seconds = (performance.now() - this.waited) / 1000;
    const fitting = Math.round((steps * QUEUE_SECONDS) / Math.max(seconds, 1e-6));
    this.steps = Math.max(1, Math.min(MOST_QUEUED, 4 * this.steps, fitting));
    this.waited = performance.now();
  }
}
