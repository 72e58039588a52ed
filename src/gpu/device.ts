import { BindGroupCache } from "./bindgroups.ts";
import { accessOf, bindingsOf, type Call, type Item, isPack, writtenBy } from "./call.ts";
import { Commands } from "./commands.ts";
import { checkDispatch } from "./dispatch-rules.ts";
import { DeviceError, GpuValidationError } from "./errors.ts";
import { type OptionalFeature, optionalFeatures } from "./features.ts";
import { type Checkable, FiniteChecker } from "./finite.ts";
import { Garbage, looksForResults } from "./garbage.ts";
import { GuardedDevice } from "./guarded-device.ts";
import { type Pipeline, PipelineCache } from "./pipelines.ts";
import { BufferPool, type PoolStatistics } from "./pool.ts";
import { printLine } from "./print-line.ts";
import { ReadBack } from "./readback.ts";
import { checkSynchronous } from "./synchronous.ts";
import { type AdapterFacts, type TargetOptions, targetOf } from "./target.ts";
import { atBindings, type TextureCopy, TexturePool, texturedOf } from "./textures.ts";
import { ELEMENT_BYTES, type Storage, type StorageType, Value } from "./value.ts";
import type { VariantTable } from "./variant-table.ts";

/** Eager ops are submitted in batches of this many. */
const EAGER_BATCH = 64;

/** How a device that is there already is used. */
export interface DeviceOptions {
  /** 0 silent · 1 prints kernels as they run · 2 checks every result for NaN · 3 never reuses a buffer. */
  readonly debug?: number;
  /** Most bytes of buffers, in use and idle; requests beyond it throw OutOfMemoryError. */
  readonly memoryLimit?: number;
  /** Where the debug ladder writes. */
  readonly log?: (line: string) => void;
  /**
   * Collects garbage (`garbageCollector`): called about every 2,000 submits, which leave memory behind
   * that the runtime does not see. Default: the runtime collects when it likes.
   */
  readonly collect?: (() => void) | undefined;
  /**
   * What its kernels are to take the adapter for, where that is other than its kind says: with
   * `{ tiles: { accumulators: 16 } }` tiles are small, which compile sooner and run slower. Other
   * tiles round differently.
   */
  readonly target?: TargetOptions;
}

/** Receives items while a step is being recorded. */
export interface ItemSink {
  /** Name of the part of the recording that items are of from now on. */
  part: string | undefined;
  add(item: Item): void;
}

/** Buffers that return to the pool when whoever owns them is released or garbage. */
export interface Holding {
  buffers: readonly GPUBuffer[];
}

/**
 * An open WebGPU device with the engine's caches. Ops give it calls: it runs them at once (eager)
 * or hands them to the recorder that is at work.
 */
export class Device extends GuardedDevice {
  /** @internal */
  readonly pool: BufferPool;
  /** @internal */
  readonly pipelines: PipelineCache;
  /** @internal */
  readonly bindGroups: BindGroupCache;
  /** @internal */
  readonly textures: TexturePool;
  /** @internal */
  readonly finite: FiniteChecker;
  readonly debug: number;
  /** @internal */
  readonly hasTimestamps: boolean;
  /** Command buffers submitted since the device was opened. */
  submits = 0;
  /**
   * Uploads and submits, but for read-backs: as long as it stays and nothing waits to be submitted, so
   * does what all values hold.
   * @internal
   */
  changes = 0;
  /** Dispatches encoded since the device was opened. */
  dispatches = 0;
  /** @internal */
  sink: ItemSink | undefined;
  /** The device whose recording is at work, if any. @internal */
  static recorder: Device | undefined;

  private readonly log: (line: string) => void;
  private readonly garbage: Garbage;
  private readonly finalizer: FinalizationRegistry<Holding>;
  private readonly holdings = new WeakMap<Value, Holding>();
  private readonly scopes: Value[][] = [];
  private readonly readBack: ReadBack;
  private readonly traced = new Set<string>();
  private readonly commands: Commands;

  /** @internal */
  constructor(
    gpu: GPUDevice,
    readonly adapter: AdapterFacts,
    options: DeviceOptions = {},
  ) {
    super(gpu, targetOf(adapter.kind, optionalFeatures(gpu), options.target));
    this.commands = new Commands(gpu);
    this.debug = options.debug ?? 0;
    this.log = options.log ?? printLine;
    this.garbage = new Garbage(options.collect, looksForResults);
    this.hasTimestamps = gpu.features.has("timestamp-query");
    this.pool = new BufferPool(
      this,
      options.memoryLimit ?? Number.POSITIVE_INFINITY,
      this.debug < 3,
      () => {
        this.bindGroups.clear();
        this.flush(); // commands that are not submitted yet may still use the buffers
      },
    );
    this.pipelines = new PipelineCache(this);
    this.bindGroups = new BindGroupCache(this);
    this.textures = new TexturePool(this);
    this.finite = new FiniteChecker(this);
    this.readBack = new ReadBack(this, (commands) => this.enqueue(commands));
    this.finalizer = new FinalizationRegistry((holding) => this.giveBack(holding));
    this.tag();
  }

  override toString(): string {
    return `Device ${this.adapter.name}, ${this.adapter.runtime}`;
  }

  /** The optional features it was opened with. */
  get has(): Readonly<Record<OptionalFeature, boolean>> {
    return this.target.has;
  }

  /** What its buffers take, and how many were made: in a leak `liveBytes` grows. */
  get memory(): PoolStatistics {
    return this.pool.statistics();
  }

  /** Which variants its kernels take. */
  get variants(): VariantTable {
    return this.target.variants;
  }

  /** Closes the device. Buffers and programs made with it become unusable. */
  close(): void {
    this.lose("the device was closed");
    try {
      this.gpu.destroy();
    } catch {
      // gone already; and what made the caller close it must not be hidden
    }
  }

  /** @internal */
  protected override makeRoom(): void {
    this.pool.trim();
  }

  /** @internal */
  protected override hasUnsubmitted(): boolean {
    return this.commands.waiting;
  }

  /** @internal */
  protected override dropUnsubmitted(): void {
    this.commands.drop();
  }

  // ---- values ---------------------------------------------------------------------------------

  /** A value with storage of its own. Its content is undefined until something is written. @internal */
  allocate(dtype: StorageType, size: number, label: string, persistent = false): Value {
    this.alive();
    const value = new Value(this, dtype, size, label);
    value.persistent = persistent;
    this.store(value, label);
    return value;
  }

  private store(value: Value, label: string): void {
    const buffer = this.pool.acquire(value.bytes, label);
    value.storage = { buffer, offset: 0, bytes: value.bytes, owner: value };
    const holding: Holding = { buffers: [buffer] };
    this.holdings.set(value, holding);
    this.hold(value, holding);
    this.scopes.at(-1)?.push(value);
  }

  /** The buffers return to the pool when `owner` is garbage, unless they did so before. @internal */
  hold(owner: object, holding: Holding): void {
    this.finalizer.register(owner, holding);
  }

  /** @internal */
  giveBack(holding: Holding): void {
    if (!this.lost) for (const buffer of holding.buffers) this.pool.release(buffer);
    holding.buffers = [];
  }

  /** Copies host data into a value. @internal */
  write(value: Value, data: ArrayBufferView<ArrayBuffer>): void {
    this.alive();
    this.flush(); // earlier work that is still unsubmitted must not see the new content
    this.changes++;
    value.epoch = 0;
    const { buffer, offset } = this.storageOf(value, "write");
    const tail = data.byteLength % 4;
    const whole = data.byteLength - tail;
    const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    // The package webgpu crashes Node on memory that is shared.
    const bytes = data.buffer instanceof ArrayBuffer ? view : Uint8Array.from(view);
    const { queue } = this.gpu;
    this.guardValidation("write", () => {
      if (whole > 0) queue.writeBuffer(buffer, offset, bytes, 0, whole);
      if (tail > 0) {
        const last = new Uint8Array(4);
        last.set(bytes.subarray(whole));
        queue.writeBuffer(buffer, offset + whole, last);
      }
    });
  }

  /** Gives a value's buffer back to the pool. Called by scopes; a value is dead afterwards. @internal */
  release(value: Value): void {
    const holding = this.holdings.get(value);
    if (!holding) return;
    this.holdings.delete(value);
    this.giveBack(holding);
    value.storage = undefined;
  }

  /**
   * Moves a value into a part of another one's buffer (parameters into their arena). Its content
   * is what is there.
   * @internal
   */
  rehome(value: Value, home: Value, offset: number): void {
    const storage = this.storageOf(home, "rehome");
    this.release(value);
    value.storage = {
      buffer: storage.buffer,
      offset: storage.offset + offset,
      bytes: value.bytes,
      owner: home,
    };
  }

  /**
   * Runs `body` and releases every value it made, except those that `keep` finds in its result.
   * Synchronous on purpose: values of concurrent async work would be indistinguishable.
   *
   * @param op what errors call the one who asks for it
   * @internal
   */
  scope<T>(
    body: () => T,
    keep: (result: T) => Iterable<Value>,
    made: Value[] = [],
    op = "scope",
  ): T {
    this.scopes.push(made);
    let kept: Set<Value> | undefined;
    try {
      const result = body();
      checkSynchronous(op, "body", result);
      kept = new Set(keep(result));
      return result;
    } finally {
      this.scopes.pop();
      const outer = this.scopes.at(-1);
      for (const value of made) {
        // Variables outlive every scope; whoever keeps account of them hears of them around it.
        // What a recording has seen is needed at each replay: it passes to the recording's own scope.
        if (value.persistent || kept?.has(value) || this.sink) outer?.push(value);
        else this.release(value);
      }
    }
  }

  // ---- running --------------------------------------------------------------------------------

  /** Runs an item now, or adds it to the recording at work. @internal */
  emit(item: Item): void {
    this.alive();
    this.checkHome(item);
    if (this.sink) {
      this.sink.add(item);
      return;
    }
    const written = writtenBy(item);
    for (const v of written) {
      if (!v.storage) this.store(v, `the result of ${item.op}`);
      v.epoch = this.epoch;
    }
    this.lastOp = item.op;
    if (isPack(item)) {
      const target = this.storageOf(item.target, item.op);
      for (const [i, input] of item.inputs.entries())
        this.copy(
          item.op,
          this.storageOf(input, item.op),
          target,
          item.offsets[i] ?? 0,
          input.dataBytes,
        );
    } else this.runCall(item);
    if (this.commands.count >= EAGER_BATCH) this.flush();
  }

  /**
   * Ops check their tensors; this holds for whatever else makes calls. While a device records, what runs on
   * another one would run once and be missing from every replay.
   */
  private checkHome(item: Item): void {
    for (const v of isPack(item) ? [...item.inputs, item.target] : bindingsOf(item))
      if (v.device !== this)
        throw new DeviceError(item.op, `${v.label || "a tensor"} is on another device`);
    if (Device.recorder && Device.recorder !== this)
      throw new DeviceError(item.op, "its tensors are on another device than the one that records");
  }

  private runCall(call: Call): void {
    const storages = bindingsOf(call).map((v) => this.storageOf(v, call.op));
    const source = call.kernel();
    const access = accessOf(call);
    checkDispatch(this.limits, call.op, source.workgroups, storages, access);
    const pipeline = this.pipelines.get(call.op, source, access);
    if (this.debug >= 1) this.trace(call.op, source.name, source.workgroups, source.code);
    const copies = this.textures.copies(texturedOf(call, storages));
    const group = this.bindGroups.get(call.op, pipeline, storages, atBindings(call, copies));
    this.encode(call.op, pipeline, group, source.workgroups, copies);
    if (this.debug >= 2)
      for (const one of call.parts ?? [call]) this.finite.check(one.op, checkable(writtenBy(one)));
  }

  /** Prints a kernel (LATENTGRAD_DEBUG=1), with its text when it is seen for the first time. @internal */
  trace(op: string, name: string, workgroups: readonly number[], code: string): void {
    this.log(`${op}: ${name}, ${workgroups.join("×")} workgroups`);
    if (this.traced.has(code)) return;
    this.traced.add(code);
    this.log(code.replace(/^/gm, "    "));
  }

  /** @internal */
  encode(
    op: string,
    pipeline: Pipeline,
    group: GPUBindGroup,
    workgroups: readonly [number, number, number],
    copies: readonly TextureCopy[] = [],
  ): void {
    this.commands.dispatch(op, pipeline, group, workgroups, copies);
    this.dispatches++;
  }

  /** @internal */
  copy(op: string, from: Storage, to: Storage, toOffset: number, bytes: number): void {
    const target = to.offset + toOffset;
    if (from.buffer === to.buffer) {
      if (from.offset === target) return;
      // WebGPU does not copy within a buffer.
      const between = this.pool.acquire(bytes, `a copy for ${op}`);
      this.commands.copy(op, from.buffer, from.offset, between, 0, bytes);
      this.commands.copy(op, between, 0, to.buffer, target, bytes);
      this.pool.release(between);
    } else this.commands.copy(op, from.buffer, from.offset, to.buffer, target, bytes);
  }

  /** Submits what was encoded so far. @internal */
  flush(): void {
    const batch = this.commands.take();
    if (!batch) return;
    this.guardValidation(batch.ops, () => this.submit(batch.encoder.finish()));
    this.pool.sweep();
  }

  /** Submits even when a failure waits to be thrown: the commands' results are still wanted. @internal */
  submit(commands: GPUCommandBuffer): void {
    this.changes++;
    this.enqueue(commands);
    this.garbage.submitted();
  }

  /** Collects garbage where read-backs and submits have left enough; for work that reads and submits nothing. @internal */
  tidy(): void {
    this.garbage.tidy();
  }

  private enqueue(commands: GPUCommandBuffer): void {
    if (this.lost) throw this.lost;
    this.gpu.queue.submit([commands]);
    this.submits++;
  }

  /** Resolves when all submitted work is done; throws what went wrong on the way. */
  async finish(): Promise<void> {
    this.alive();
    this.flush();
    // An empty read-back, since only a copy that arrives proves that the device still works.
    await this.readBack.read(undefined, 0, 0);
    await this.settle();
    await this.finite.verdict();
  }

  /** The bytes of a value. Waits for all work before it. @internal */
  async read(value: Value): Promise<ArrayBuffer> {
    this.alive();
    const storage = this.storageOf(value, "read");
    const length = value.size * ELEMENT_BYTES[value.dtype];
    const [data] = await Promise.all([
      this.readBuffer(storage.buffer, storage.offset, value.dataBytes),
      this.finite.verdict(),
    ]);
    this.storageOf(value, "read"); // it may have turned out meanwhile that it holds nothing
    return data.byteLength === length ? data : data.slice(0, length);
  }

  /** @internal */
  async readBuffer(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    this.alive();
    if (bytes === 0) return new ArrayBuffer(0);
    this.flush();
    this.garbage.read(bytes);
    const data = await this.readBack.read(buffer, offset, bytes);
    await this.settle();
    return data;
  }

  /** @throws whatever prevents the value from having data @internal */
  storageOf(value: Value, op: string): Storage {
    const { storage } = value;
    const label = value.label || "a tensor";
    if (!storage)
      throw new GpuValidationError(
        op,
        value.recording
          ? `${label} was made while recording and has no data outside the program`
          : `${label} was used after its scope ended`,
      );
    const failure = this.failureIn(value.epoch) ?? this.pool.failureOf(storage.buffer);
    if (failure) throw failure;
    return storage;
  }
}

function checkable(values: readonly Value[]): Checkable[] {
  return values.flatMap(({ label, dtype, size, storage }) =>
    storage ? [{ label, dtype, size, storage }] : [],
  );
}
