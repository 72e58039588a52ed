import { checkWhole } from "./arguments.ts";
import {
  accessOf,
  bindingsOf,
  type Item,
  isPack,
  type KernelSource,
  partWith,
  writtenBy,
} from "./call.ts";
import { Device } from "./device.ts";
import { DeviceError, GpuValidationError, NonFiniteError } from "./errors.ts";
import { dropDead, planMemory } from "./liveness.ts";
import type { Pipeline } from "./pipelines.ts";
import { KernelTimer, type ProfileRow, tabulate } from "./profiler.ts";
import {
  allocate,
  dispatchStep,
  packSteps,
  Recording,
  textureAccess,
  throughTemporary,
} from "./recording.ts";
import { Shown } from "./shown.ts";
import { type DispatchStep, encodeSteps, type Step, splitSubmits, type Written } from "./step.ts";
import { gatherFills, TexturePlan } from "./texture-plan.ts";
import { textureBytes } from "./textures.ts";
import type { Storage, Value } from "./value.ts";

/** What a recorded program consists of. */
export interface ProgramStatistics {
  readonly dispatches: number;
  readonly copies: number;
  readonly submits: number;
  /** Bytes of the buffers that the program made for itself. */
  readonly peakBytes: number;
  /** Bytes of the textures that its dispatches read; the device's programs share them. */
  readonly textureBytes: number;
  readonly flops: number;
}

/** Rewrites a recording before it is planned, for instance by fusing ops. */
export type Optimiser = (
  items: readonly Item[],
  keep: ReadonlySet<Value>,
) => Item[] | Promise<Item[]>;

/**
 * A recorded step: a flat list of dispatches with their buffers planned. `run` makes no buffer, no
 * bind group and no pipeline.
 */
export class Program extends Shown {
  private released = false;

  private constructor(
    readonly device: Device,
    /** @internal */ readonly steps: readonly Step[],
    /** Index of the first step of each submit. */
    private readonly cuts: ReadonlySet<number>,
    readonly statistics: ProgramStatistics,
    private readonly items: readonly Item[],
    private readonly storages: ReadonlyMap<Value, Storage>,
    private readonly outside: ReadonlyMap<Value, Storage>,
    private readonly recording: Recording,
    /** Keeps constants that were made while recording alive. @internal */
    readonly constants: readonly Value[],
  ) {
    super();
    this.tag();
  }

  override toString(): string {
    const { dispatches, copies, submits } = this.statistics;
    return `Program of ${dispatches} dispatches, ${copies} copies, ${submits} submits`;
  }

  /**
   * Records what `body` does on `device` and makes a program of it.
   *
   * @returns the program and what `body` returned. The values that `keep` finds in it hold the
   *   results after each run.
   * @throws GpuValidationError at once when another recording is at work
   * @internal
   */
  static record<T>(
    device: Device,
    body: () => T,
    keep: (result: T) => Iterable<Value>,
    optimise: Optimiser,
  ): Promise<{ program: Program; result: T }> {
    if (device.sink) throw new GpuValidationError("record", "a recording is already at work");
    return Program.recordBody(device, body, keep, optimise);
  }

  private static async recordBody<T>(
    device: Device,
    body: () => T,
    keep: (result: T) => Iterable<Value>,
    optimise: Optimiser,
  ): Promise<{ program: Program; result: T }> {
    device.alive();
    const recording = new Recording();
    const { made } = recording;
    let result: T;
    const outer = Device.recorder;
    Device.recorder = device;
    device.sink = recording;
    try {
      result = device.scope(body, () => made, made, "record");
    } catch (error) {
      for (const v of made) if (!v.persistent) device.release(v);
      throw error;
    } finally {
      device.sink = undefined;
      Device.recorder = outer;
    }
    // Constants are the program's from now on; variables outlive it.
    const constants = made.filter((v) => !v.persistent);
    for (const v of constants) v.persistent = true;
    try {
      const program = await Program.build(
        device,
        recording,
        new Set(keep(result)),
        constants,
        optimise,
      );
      return { program, result };
    } catch (error) {
      for (const v of constants) device.release(v);
      device.giveBack(recording.holding);
      throw error;
    }
  }

  private static async build(
    device: Device,
    recording: Recording,
    keep: ReadonlySet<Value>,
    constants: readonly Value[],
    optimise: Optimiser,
  ): Promise<Program> {
    for (const v of keep)
      if (v.device !== device)
        throw new DeviceError("record", `${v.label || "a tensor"}, a result, is on another device`);
    const items = await optimise(dropDead(recording.items, keep), keep);
    const sources = items.map((item) => (isPack(item) ? undefined : item.kernel()));
    const plan = planMemory(items, keep, device.debug < 3);
    const compiled = Promise.all(
      items.map((item, i) => {
        const source = sources[i];
        return isPack(item) || !source
          ? undefined
          : device.pipelines.compile(item.op, source, accessOf(item));
      }),
    );
    compiled.catch(() => undefined); // awaited below, unless something else fails before
    const storages = allocate(device, plan, recording);
    for (const v of keep)
      if (!v.storage && !storages.has(v))
        throw new GpuValidationError(
          "record",
          `${v.label || "a tensor"} is a result, but nothing that was recorded computes it`,
        );
    const find = (v: Value, op: string) => storages.get(v) ?? device.storageOf(v, op);
    const pipelines = await compiled;
    const outside = new Map<Value, Storage>();
    const listed: Step[] = [];
    const texturePlan = new TexturePlan(
      device.textures,
      items.map((item) => textureAccess(item, find)),
    );
    for (const [i, item] of items.entries()) {
      const values = isPack(item) ? [...item.inputs, item.target] : bindingsOf(item);
      const opWith = (v: Value) => (isPack(item) ? item.op : partWith(item, v).op);
      for (const v of values) if (!storages.has(v)) outside.set(v, find(v, opWith(v)));
      if (isPack(item)) {
        const copies = packSteps(item, plan, (v) => find(v, item.op));
        listed.push(...copies.flatMap((c) => throughTemporary(device, recording, c)));
        texturePlan.changed(i);
        continue;
      }
      const source = sources[i] as KernelSource;
      const assigned = texturePlan.assign(i);
      texturePlan.changed(i);
      listed.push(dispatchStep(device, item, source, pipelines[i] as Pipeline, find, assigned));
    }
    const steps = gatherFills(listed);
    for (const v of keep) v.storage ??= storages.get(v);
    const cuts = splitSubmits(steps, device.target.submits);
    const dispatched = steps.filter((s) => s.kind === "dispatch");
    const statistics: ProgramStatistics = {
      dispatches: dispatched.length,
      copies: steps.length - dispatched.length,
      submits: cuts.size,
      peakBytes: recording.holding.buffers.reduce((sum, buffer) => sum + buffer.size, 0),
      textureBytes: textureBytes(dispatched.flatMap((step) => step.textures)),
      flops: dispatched.reduce((a, s) => a + s.source.flops, 0),
    };
    // Learns of failed allocations and bindings, and of a device that is gone.
    await device.finish();
    device.hold(recording, recording.holding);
    return new Program(
      device,
      steps,
      cuts,
      statistics,
      items,
      storages,
      outside,
      recording,
      constants,
    );
  }

  /** Runs the program once. Returns as soon as the work is queued. */
  run(): void {
    this.ready();
    const { device } = this;
    if (device.debug >= 1) {
      this.runChecked(
        device.debug >= 2
          ? ({ written }) => {
              for (const result of written) device.finite.check(result.op, [result]);
            }
          : undefined,
      );
      return;
    }
    device.flush();
    device.guardValidation("replay", () => this.submitSteps());
    device.dispatches += this.statistics.dispatches;
  }

  private submitSteps(): void {
    const { device, steps } = this;
    const starts = [...this.cuts];
    for (const [k, start] of starts.entries()) {
      const encoder = device.gpu.createCommandEncoder();
      encodeSteps(encoder, steps.slice(start, starts[k + 1]));
      device.submit(encoder.finish());
    }
  }

  /**
   * Runs the program once, op by op, checking every result: throws a NonFiniteError that names the
   * first op whose result is NaN or infinite, the part of the recording that it is of, and the
   * variable it or an op before it read if that was so before.
   */
  async diagnose(step?: number): Promise<void> {
    this.ready();
    const { device } = this;
    const { finite } = device;
    await finite.verdict(step);
    const reads = this.firstReads();
    for (const [i, { value, storage }] of reads.entries())
      finite.check(String(i), [{ label: "", dtype: value.dtype, size: value.size, storage }]);
    const before = reads[Number((await finite.first()) ?? -1)];
    const results: Written[] = [];
    let kernels = 0;
    this.runChecked((step) => {
      for (const result of step.written) {
        finite.check(String(results.length), [{ ...result, label: "" }]);
        results.push({ ...result, kernel: kernels + result.kernel });
      }
      kernels += step.kernels;
    });
    const bad = results[Number((await finite.first()) ?? -1)];
    if (!bad) return;
    const { op, label, part } = bad;
    const result = label === "" || label === op ? op : `${op} (${label})`;
    const name = part === undefined ? result : `${part}: ${result}`;
    const cause =
      before && before.kernel <= bad.kernel
        ? `; ${before.value.label || "a tensor"} held such values before`
        : "";
    throw new NonFiniteError(name, step, `the result holds NaN or infinite values${cause}`);
  }

  /**
   * The values from outside that the program reads before it writes them, in the order of their
   * first reading, each with the number of the kernel that reads it first.
   */
  private firstReads(): { value: Value; storage: Storage; kernel: number }[] {
    const seen = new Set<Value>();
    const reads: { value: Value; storage: Storage; kernel: number }[] = [];
    let kernel = 0;
    for (const item of this.items.flatMap((one) => (isPack(one) ? one : (one.parts ?? one)))) {
      for (const value of isPack(item) ? item.inputs : [...item.inputs, ...item.updates]) {
        const storage = this.outside.get(value);
        if (storage && !seen.has(value)) reads.push({ value, storage, kernel });
        seen.add(value);
      }
      for (const value of writtenBy(item)) seen.add(value);
      if (!isPack(item)) kernel++;
    }
    return reads;
  }

  private runChecked(behind?: (step: DispatchStep) => void): void {
    const { device } = this;
    device.flush();
    for (const step of this.steps) {
      if (step.kind === "copy") device.copy(step.op, step.from, step.to, step.toOffset, step.bytes);
      else {
        const { source, op } = step;
        if (device.debug >= 1) device.trace(op, source.name, source.workgroups, source.code);
        device.encode(op, step.pipeline, step.group, source.workgroups, step.fills);
        behind?.(step);
      }
    }
    device.flush();
  }

  /**
   * Runs the same fused items eagerly: fresh buffers for every value, no planning. Replays must
   * give the same bits.
   * @internal
   */
  runEager(): void {
    this.ready();
    const { device } = this;
    const saved = new Map<Value, Storage | undefined>();
    for (const v of this.storages.keys()) {
      saved.set(v, v.storage);
      v.storage = undefined;
    }
    try {
      for (const item of this.items) device.emit(item);
      for (const [v, planned] of saved)
        if (planned && v.storage) device.copy("replay", v.storage, planned, 0, v.dataBytes);
      device.flush();
    } finally {
      for (const [v, planned] of saved) {
        device.release(v);
        v.storage = planned;
      }
    }
  }

  /**
   * Times every dispatch of one run, `runs` times after a run that does not count, and tabulates
   * the medians by kernel. Variables change as in so many runs. Uses GPU timestamps where the device
   * has them, else waits for each dispatch alone.
   */
  async profile(runs = 5): Promise<ProfileRow[]> {
    checkWhole("profile", "runs", runs);
    return tabulate(this.steps, await this.timeSteps(runs));
  }

  /** The same before it is tabulated: for each run, microseconds of each step. @internal */
  async timeSteps(runs: number): Promise<Float64Array[]> {
    this.ready();
    await this.device.finish();
    const timer = new KernelTimer(this.device);
    const samples: Float64Array[] = [];
    await timer.time(this.steps); // drivers finish compiling when a kernel first runs
    for (let r = 0; r < runs; r++) samples.push(await timer.time(this.steps));
    return samples;
  }

  /** Gives the program's buffers back to the pool; neither it nor its results can be used again. */
  release(): void {
    if (this.released) return;
    this.released = true;
    this.device.giveBack(this.recording.holding);
    for (const v of this.constants) this.device.release(v);
    for (const v of this.storages.keys()) v.storage = undefined;
    (this as { steps: readonly Step[] }).steps = [];
    this.device.bindGroups.clear();
  }

  private ready(): void {
    this.device.alive();
    if (this.released) throw new GpuValidationError("replay", "the program was released");
    if (this.device.sink)
      throw new GpuValidationError(
        "replay",
        "a program cannot run while another is being recorded",
      );
    for (const [v, storage] of this.outside)
      if (v.storage !== storage)
        throw new GpuValidationError(
          "replay",
          `${v.label || "a tensor"} was released or moved after the program was recorded`,
        );
  }
}
