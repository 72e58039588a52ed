import { type Item, isPack, type KernelSource } from "./call.ts";
import { accessOf, bindingsOf, type Device } from "./device.ts";
import { GpuValidationError } from "./errors.ts";
import { dropDead, type Plan, planMemory } from "./liveness.ts";
import type { Pipeline } from "./pipelines.ts";
import { KernelTimer, type ProfileRow, tabulate } from "./profiler.ts";
import type { Storage } from "./value.ts";
import { Value } from "./value.ts";

/** One command of a program. */
export type Step =
  | {
      readonly kind: "dispatch";
      readonly op: string;
      readonly source: KernelSource;
      readonly pipeline: Pipeline;
      readonly group: GPUBindGroup;
      readonly written: readonly Value[];
    }
  | {
      readonly kind: "copy";
      readonly op: string;
      readonly from: Storage;
      readonly to: Storage;
      readonly toOffset: number;
    };

export interface ProgramStatistics {
  readonly dispatches: number;
  readonly copies: number;
  readonly submits: number;
  /** Bytes of the buffers that the program made for itself. */
  readonly peakBytes: number;
  readonly flops: number;
}

/** Rewrites a recording before it is planned, for instance by fusing ops. */
export type Optimiser = (items: readonly Item[], keep: ReadonlySet<Value>) => Item[];

/**
 * How much work one submit may hold, as an estimate. Drivers of real GPUs reset a device whose
 * command buffer runs for seconds; software adapters have no such watchdog.
 */
const SUBMIT_SECONDS = { hardware: 0.5, software: 2 };
const ASSUMED_FLOPS = { hardware: 1e12, software: 8e9 };
const ASSUMED_BYTES = { hardware: 1e11, software: 2e9 };

/**
 * A recorded step: a flat list of dispatches with their buffers planned. `run` makes no buffer, no
 * bind group and no pipeline.
 */
export class Program {
  private constructor(
    readonly device: Device,
    readonly steps: readonly Step[],
    /** Index of the first step of each submit. */
    private readonly cuts: ReadonlySet<number>,
    readonly statistics: ProgramStatistics,
    private readonly items: readonly Item[],
    private readonly storages: ReadonlyMap<Value, Storage>,
    private readonly outside: ReadonlyMap<Value, Storage>,
    private buffers: readonly GPUBuffer[],
    /** Keeps constants that were made while recording alive. */
    readonly constants: readonly Value[],
  ) {}

  /**
   * Records what `body` does on `device` and makes a program of it.
   *
   * @returns the program and what `body` returned. The values that `keep` finds in it hold the
   *   results after each run.
   */
  static async record<T>(
    device: Device,
    body: () => T,
    keep: (result: T) => Iterable<Value>,
    optimise: Optimiser,
  ): Promise<{ program: Program; result: T }> {
    if (device.sink) throw new GpuValidationError("record", "a recording is already at work");
    const items: Item[] = [];
    const token = {};
    device.sink = {
      add(item) {
        for (const v of isPack(item) ? [item.target] : item.outputs) v.recording = token;
        items.push(item);
      },
    };
    const constants: Value[] = [];
    let result: T;
    try {
      const whole = () => {
        const made = body();
        for (const v of constants) v.persistent = true; // the program's now, not the scope's
        return made;
      };
      result = device.scope(whole, () => constants, constants);
    } finally {
      device.sink = undefined;
    }
    const kept = new Set(keep(result));
    const program = await Program.build(device, items, kept, constants, optimise);
    return { program, result };
  }

  private static async build(
    device: Device,
    recorded: readonly Item[],
    keep: ReadonlySet<Value>,
    constants: readonly Value[],
    optimise: Optimiser,
  ): Promise<Program> {
    const items = optimise(dropDead(recorded, keep), keep);
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
    const { storages, buffers } = allocate(device, plan);
    let pipelines: (Pipeline | undefined)[];
    try {
      pipelines = await compiled;
    } catch (error) {
      for (const buffer of buffers) device.pool.release(buffer);
      throw error;
    }
    const find = (v: Value, op: string) => storages.get(v) ?? device.storageOf(v, op);
    const outside = new Map<Value, Storage>();
    const steps: Step[] = [];
    for (const [i, item] of items.entries()) {
      const values = isPack(item) ? [...item.inputs, item.target] : bindingsOf(item);
      for (const v of values) if (!storages.has(v)) outside.set(v, find(v, item.op));
      if (isPack(item)) {
        for (const [k, input] of item.inputs.entries()) {
          const place = plan.places.get(input);
          if (place && "within" in place && place.within === item.target) continue;
          const to = find(item.target, item.op);
          const toOffset = item.offsets[k] ?? 0;
          steps.push({ kind: "copy", op: item.op, from: find(input, item.op), to, toOffset });
        }
        continue;
      }
      const pipeline = pipelines[i] as Pipeline;
      const source = sources[i] as KernelSource;
      steps.push({
        kind: "dispatch",
        op: item.op,
        source,
        pipeline,
        group: device.bindGroups.create(
          pipeline,
          bindingsOf(item).map((v) => find(v, item.op)),
        ),
        written: [...item.outputs, ...item.updates].map((v) =>
          Object.assign(Object.create(Value.prototype), v, { storage: find(v, item.op) }),
        ),
      });
    }
    await device.settle();
    for (const v of keep) v.storage ??= storages.get(v);
    const cuts = splitSubmits(steps, device.isSoftware ? "software" : "hardware");
    const dispatched = steps.filter((s) => s.kind === "dispatch");
    const statistics: ProgramStatistics = {
      dispatches: dispatched.length,
      copies: steps.length - dispatched.length,
      submits: cuts.size,
      peakBytes: plan.slots.reduce((a, b) => a + b, 0),
      flops: dispatched.reduce((a, s) => a + s.source.flops, 0),
    };
    return new Program(
      device,
      steps,
      cuts,
      statistics,
      items,
      storages,
      outside,
      buffers,
      constants,
    );
  }

  /** Runs the program once. Returns as soon as the work is queued. */
  run(): void {
    this.ready();
    const { device } = this;
    if (device.debug >= 1) return this.runChecked(device.debug >= 2);
    device.flush();
    let encoder: GPUCommandEncoder | undefined;
    let pass: GPUComputePassEncoder | undefined;
    for (const [i, step] of this.steps.entries()) {
      if (encoder && this.cuts.has(i)) {
        pass?.end();
        pass = undefined;
        device.submit(encoder.finish());
        encoder = undefined;
      }
      encoder ??= device.gpu.createCommandEncoder();
      if (step.kind === "copy") {
        pass?.end();
        pass = undefined;
        encodeCopy(encoder, step);
      } else {
        pass ??= encoder.beginComputePass();
        pass.setPipeline(step.pipeline.pipeline);
        pass.setBindGroup(0, step.group);
        pass.dispatchWorkgroups(...step.source.workgroups);
      }
    }
    pass?.end();
    if (encoder) device.submit(encoder.finish());
    device.dispatches += this.statistics.dispatches;
  }

  /**
   * Runs the program once, op by op, checking every result: throws a NonFiniteError that names the
   * first op whose result is NaN or infinite.
   */
  async diagnose(step?: number): Promise<void> {
    this.ready();
    this.runChecked(true);
    this.device.flush();
    await this.device.finite.verdict(step);
  }

  private runChecked(finite: boolean): void {
    const { device } = this;
    for (const step of this.steps) {
      if (step.kind === "copy") device.copy(step.from, step.to, step.toOffset);
      else {
        const { source } = step;
        if (device.debug >= 1) device.trace(step.op, source.name, source.workgroups, source.code);
        device.encode(step.pipeline, step.group, source.workgroups);
        if (finite) device.finite.check(step.op, step.written);
      }
    }
    device.flush();
  }

  /**
   * Runs the same fused items eagerly: fresh buffers for every value, no planning. Replays must
   * give the same bits.
   */
  runEager(): void {
    this.ready();
    const saved = new Map<Value, Storage | undefined>();
    for (const v of this.storages.keys()) {
      saved.set(v, v.storage);
      v.storage = undefined;
    }
    for (const item of this.items) this.device.emit(item);
    this.device.flush();
    for (const [v, storage] of saved) {
      const planned = storage;
      if (planned && v.storage) this.device.copy(v.storage, planned, 0);
    }
    this.device.flush();
    for (const [v, storage] of saved) {
      this.device.release(v);
      v.storage = storage;
    }
  }

  /**
   * Times every dispatch of one run, `runs` times, and tabulates the medians by kernel. Uses GPU
   * timestamps where the device has them, else waits for each dispatch alone.
   */
  async profile(runs = 5): Promise<ProfileRow[]> {
    this.ready();
    await this.device.finish();
    const timer = new KernelTimer(this.device);
    const samples: Float64Array[] = [];
    for (let r = 0; r < runs; r++) samples.push(await timer.time(this.steps));
    return tabulate(this.steps, samples);
  }

  /** Gives the program's buffers back to the pool; it cannot run afterwards. */
  release(): void {
    for (const buffer of this.buffers) this.device.pool.release(buffer);
    this.buffers = [];
    for (const v of this.constants) this.device.release(v);
    for (const v of this.storages.keys()) v.storage = undefined;
    (this as { steps: readonly Step[] }).steps = [];
    this.device.bindGroups.clear();
  }

  private ready(): void {
    this.device.alive();
    if (this.steps.length === 0 && this.items.length > 0)
      throw new GpuValidationError("replay", "the program was released");
    for (const [v, storage] of this.outside)
      if (v.storage !== storage)
        throw new GpuValidationError(
          "replay",
          `${v.label || "a tensor"} was released or moved after the program was recorded`,
        );
  }
}

export function encodeCopy(encoder: GPUCommandEncoder, step: Step & { kind: "copy" }): void {
  const bytes = Math.min(step.from.bytes, step.to.bytes - step.toOffset);
  encoder.copyBufferToBuffer(
    step.from.buffer,
    step.from.offset,
    step.to.buffer,
    step.to.offset + step.toOffset,
    bytes,
  );
}

function allocate(
  device: Device,
  plan: Plan,
): { storages: Map<Value, Storage>; buffers: GPUBuffer[] } {
  const buffers: GPUBuffer[] = [];
  const owners = new Map<number, string>();
  for (const [v, place] of plan.places)
    if ("slot" in place && !owners.has(place.slot)) owners.set(place.slot, v.label);
  try {
    for (const [i, bytes] of plan.slots.entries())
      buffers.push(device.pool.acquire(bytes, owners.get(i) || "a recorded step's tensor"));
  } catch (error) {
    for (const buffer of buffers) device.pool.release(buffer);
    throw error;
  }
  const storages = new Map<Value, Storage>();
  const of = (v: Value): Storage => {
    const known = storages.get(v) ?? v.storage;
    if (known) return known;
    const place = plan.places.get(v);
    if (!place) throw new GpuValidationError("record", `${v.label} is read before it is written`);
    const storage =
      "slot" in place
        ? { buffer: buffers[place.slot] as GPUBuffer, offset: 0, bytes: v.bytes }
        : {
            buffer: of(place.within).buffer,
            offset: of(place.within).offset + place.offset,
            bytes: v.bytes,
          };
    storages.set(v, storage);
    return storage;
  };
  for (const v of plan.places.keys()) of(v);
  return { storages, buffers };
}

/** Starts a new submit where the work collected so far is estimated to exceed the watchdog's patience. */
function splitSubmits(steps: readonly Step[], kind: "software" | "hardware"): Set<number> {
  const cuts = new Set<number>(steps.length > 0 ? [0] : []);
  let seconds = 0;
  for (const [i, step] of steps.entries()) {
    if (step.kind === "copy") continue;
    const estimate =
      step.source.flops / ASSUMED_FLOPS[kind] + step.source.bytes / ASSUMED_BYTES[kind];
    if (seconds > 0 && seconds + estimate > SUBMIT_SECONDS[kind]) {
      cuts.add(i);
      seconds = 0;
    }
    seconds += estimate;
  }
  return cuts;
}
