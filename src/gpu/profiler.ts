import { checkArray, checkNumber, checkObject, checkText } from "./arguments.ts";
import type { Device } from "./device.ts";
import { type DispatchStep, encodeCopy, encodeDispatch, encodeSteps, type Step } from "./step.ts";
import { encodeTextureCopies } from "./textures.ts";

/** One kernel of a profile: all its dispatches in one run of a program. */
export interface ProfileRow {
  readonly name: string;
  readonly calls: number;
  /** Microseconds of all calls together, the median over the runs. */
  readonly micros: number;
  /** 1e9 floating-point operations a second; 0 where a kernel counts none. */
  readonly gflops: number;
  /** 1e9 bytes read and written a second. */
  readonly gbps: number;
  /** Share of the whole run. */
  readonly share: number;
}

/** Measures single dispatches. */
export class KernelTimer {
  constructor(private readonly device: Device) {}

  /**
   * Runs the steps once; microseconds of each. The filling of textures that a dispatch reads counts as
   * its own, except by timestamps for the first of all.
   */
  time(steps: readonly Step[]): Promise<Float64Array> {
    return this.device.hasTimestamps ? this.byTimestamps(steps) : this.byWaiting(steps);
  }

  private async byTimestamps(steps: readonly Step[]): Promise<Float64Array> {
    const gpu = this.device.gpu;
    const micros = new Float64Array(steps.length);
    const batch = 1024; // a query set holds at most 4096 timestamps
    for (let start = 0; start < steps.length; start += batch) {
      const part = steps.slice(start, start + batch);
      const dispatches = part.flatMap((step, i) => (step.kind === "dispatch" ? [i] : []));
      // Exactly as many as are written: some drivers wait forever for a query that is not.
      const count = Math.max(1, dispatches.length) * 2;
      const querySet = this.device.guardValidation("profile", () =>
        gpu.createQuerySet({ type: "timestamp", count }),
      );
      const resolve = this.resolveBuffer(count);
      const encoder = gpu.createCommandEncoder();
      let query = 0;
      for (const step of part) {
        if (step.kind === "copy") {
          encodeCopy(encoder, step);
          continue;
        }
        encodeTextureCopies(encoder, step.fills);
        const pass = encoder.beginComputePass({
          timestampWrites: {
            querySet,
            beginningOfPassWriteIndex: query++,
            endOfPassWriteIndex: query++,
          },
        });
        encodeDispatch(pass, step);
        pass.end();
      }
      if (query > 0) encoder.resolveQuerySet(querySet, 0, query, resolve, 0);
      this.device.submit(encoder.finish());
      const stamps = new BigUint64Array(await this.device.readBuffer(resolve, 0, count * 8));
      for (const [k, i] of dispatches.entries()) {
        // Textures are filled before the pass begins.
        const step = part[i] as DispatchStep;
        const begin = stamps[k > 0 && step.fills.length > 0 ? 2 * k - 1 : 2 * k] ?? 0n;
        micros[start + i] = Math.max(0, Number((stamps[2 * k + 1] ?? 0n) - begin)) / 1000;
      }
      querySet.destroy();
      resolve.destroy();
    }
    return micros;
  }

  /**
   * Times whole replays by timestamps: `runs` groups of `queued` replays. A group is one submit, with
   * a replay in front that does not count: its time runs from the end of that to its own end. So what a
   * dispatch needs outside of its pass, as textures to be filled, is in it, and nothing else: the
   * adapter has all of a group before it begins, and may wait for the host only between two of them.
   *
   * @param steps the last is a dispatch
   * @returns microseconds of each group, all its replays together
   */
  async timeGroups(steps: readonly Step[], runs: number, queued: number): Promise<Float64Array> {
    const { device } = this;
    const count = 2 * runs;
    const querySet = device.guardValidation("profile", () =>
      device.gpu.createQuerySet({ type: "timestamp", count }),
    );
    const resolve = this.resolveBuffer(count);
    for (let run = 0; run < runs; run++) {
      const encoder = device.gpu.createCommandEncoder();
      const stamped = (query: number) =>
        encodeSteps(encoder, steps, { timestampWrites: { querySet, endOfPassWriteIndex: query } });
      stamped(2 * run);
      for (let q = 1; q < queued; q++) encodeSteps(encoder, steps);
      stamped(2 * run + 1);
      if (run === runs - 1) encoder.resolveQuerySet(querySet, 0, count, resolve, 0);
      device.submit(encoder.finish());
    }
    const stamps = new BigUint64Array(await device.readBuffer(resolve, 0, count * 8));
    querySet.destroy();
    resolve.destroy();
    return Float64Array.from(
      { length: runs },
      (_, run) => Number((stamps[2 * run + 1] ?? 0n) - (stamps[2 * run] ?? 0n)) / 1000,
    );
  }

  /** A buffer for so many timestamps. */
  private resolveBuffer(count: number): GPUBuffer {
    const { device } = this;
    return device.guardMemory(
      "timestamps",
      count * 8,
      () => device.gpu.createBuffer({ size: count * 8, usage: 0x200 | 0x04 }), // QUERY_RESOLVE | COPY_SRC
    );
  }

  /** Without timestamps: submits each dispatch alone and waits for it, less an empty round trip. */
  private async byWaiting(steps: readonly Step[]): Promise<Float64Array> {
    const { gpu } = this.device;
    const micros = new Float64Array(steps.length);
    const wait = async (step: Step | undefined): Promise<number> => {
      const encoder = gpu.createCommandEncoder();
      if (step?.kind === "copy") encodeCopy(encoder, step);
      else if (step) {
        encodeTextureCopies(encoder, step.fills);
        const pass = encoder.beginComputePass();
        encodeDispatch(pass, step);
        pass.end();
      }
      const start = performance.now();
      this.device.submit(encoder.finish());
      await this.device.survive(gpu.queue.onSubmittedWorkDone());
      return (performance.now() - start) * 1000;
    };
    const trips: number[] = [];
    for (let i = 0; i < 5; i++) trips.push(await wait(undefined));
    const trip = median(trips);
    for (const [i, step] of steps.entries()) micros[i] = Math.max(1, (await wait(step)) - trip);
    return micros;
  }
}

/** Sums the steps' times by kernel; the slowest first. */
export function tabulate(steps: readonly Step[], samples: readonly Float64Array[]): ProfileRow[] {
  const rows = new Map<string, { calls: number; micros: number; flops: number; bytes: number }>();
  let total = 0;
  for (const [i, step] of steps.entries()) {
    const micros = median(samples.map((s) => s[i] ?? 0));
    total += micros;
    const name = step.kind === "copy" ? "copy" : step.source.name;
    const row = rows.get(name) ?? { calls: 0, micros: 0, flops: 0, bytes: 0 };
    row.calls++;
    row.micros += micros;
    row.flops += step.kind === "copy" ? 0 : step.source.flops;
    row.bytes += step.kind === "copy" ? step.bytes * 2 : step.source.bytes;
    rows.set(name, row);
  }
  return [...rows]
    .map(([name, { calls, micros, flops, bytes }]) => ({
      name,
      calls,
      micros,
      gflops: micros > 0 ? flops / micros / 1e3 : 0,
      gbps: micros > 0 ? bytes / micros / 1e3 : 0,
      share: total > 0 ? micros / total : 0,
    }))
    .sort((a, b) => b.micros - a.micros);
}

/**
 * The profile as aligned text, a line a kernel.
 *
 * @throws UsageError, DTypeError for anything but rows as `profile` gives them
 */
export function formatProfile(rows: readonly ProfileRow[]): string {
  checkRows("formatProfile", rows);
  const cells = [
    ["kernel", "calls", "µs", "share", "GFLOP/s", "GB/s"],
    ...rows.map((r) => [
      r.name,
      String(r.calls),
      r.micros.toFixed(0),
      `${(100 * r.share).toFixed(1)} %`,
      r.gflops > 0 ? r.gflops.toFixed(2) : "",
      r.gbps.toFixed(2),
    ]),
  ];
  return alignColumns(cells);
}

function checkRows(op: string, rows: unknown): void {
  checkArray(op, "rows", rows, "an array, as program.profile() gives it");
  const numbers = ["calls", "micros", "gflops", "gbps", "share"] as const;
  for (const [i, row] of rows.entries()) {
    const name = `rows[${i}]`;
    checkObject(op, name, row, ["name", ...numbers]);
    checkText(op, `${name}.name`, row.name);
    for (const field of numbers) checkNumber(op, `${name}.${field}`, row[field]);
  }
}

/** Rows of cells as lines: the first column to the left, numbers to the right. */
export function alignColumns(cells: readonly (readonly string[])[]): string {
  const widths = (cells[0] ?? []).map((_, c) =>
    Math.max(...cells.map((row) => row[c]?.length ?? 0)),
  );
  return cells
    .map((row) =>
      row
        .map((cell, c) => (c === 0 ? cell.padEnd(widths[c] ?? 0) : cell.padStart(widths[c] ?? 0)))
        .join("  "),
    )
    .join("\n");
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2
    ? (sorted[middle] ?? 0)
    : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}
