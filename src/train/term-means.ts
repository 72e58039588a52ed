import type { LossRow } from "./training-run.ts";

/** Means of loss terms over steps. */
export class TermMeans {
  private readonly sums = new Map<string, number>();
  private rows = 0;

  /** Steps that were counted. */
  get count(): number {
    return this.rows;
  }

  add(rows: readonly LossRow[]): void {
    for (const row of rows) {
      for (const [name, value] of Object.entries(row))
        this.sums.set(name, (this.sums.get(name) ?? 0) + value);
      this.rows++;
    }
  }

  means(): Record<string, number> {
    return Object.fromEntries([...this.sums].map(([name, sum]) => [name, sum / this.rows]));
  }

  /** The means, and begins anew. */
  take(): Record<string, number> {
    const means = this.means();
    this.clear();
    return means;
  }

  clear(): void {
    this.sums.clear();
    this.rows = 0;
  }
}
