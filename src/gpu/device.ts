import { BindGroupCache } from "./bindgroups.ts";
import { type Call, isPack, type Item } from "./call.ts";
import {
  DeviceLostError,
  GpuValidationError,
  type LatentgradError,
  OutOfMemoryError,
} from "./errors.ts";
import { FiniteChecker } from "./finite.ts";
import { type Access, type Pipeline, PipelineCache } from "./pipelines.ts";
import { BufferPool } from "./pool.ts";
import type { DType, Storage } from "./value.ts";
import { Value } from "./value.ts";

/** Eager ops are submitted in batches of this many. */
const EAGER_BATCH = 64;

/** What the engine wants to know about the adapter behind a device. */
export interface AdapterFacts {
  /** Software adapters run shaders on the CPU: other kernel variants win there. */
  readonly kind: "gpu" | "llvmpipe" | "swiftshader" | "other";
  readonly name: string;
  readonly runtime: string;
}

export interface DeviceOptions {
  /** 0 silent · 1 prints kernels as they run · 2 checks every result for NaN · 3 never reuses a buffer. */
  readonly debug?: number;
  /** Most bytes of buffers, in use and idle; requests beyond it throw OutOfMemoryError. */
  readonly memoryLimit?: number;
  /** Where the debug ladder writes. */
  readonly log?: (line: string) => void;
}

/** Receives items while a step is being recorded. */
export interface ItemSink {
  add(item: Item): void;
}

/**
 * An open WebGPU device with the engine's caches. Ops give it calls: it runs them at once (eager)
 * or hands them to the recorder that is at work.
 */
export class Device {
  readonly pool: BufferPool;
  readonly pipelines: PipelineCache;
  readonly bindGroups: BindGroupCache;
  readonly finite: FiniteChecker;
  readonly debug: number;
  readonly limits: GPUSupportedLimits;
  readonly hasTimestamps: boolean;
  /** Set once the device is gone; every later use throws it. */
  lost: DeviceLostError | undefined;
  /** Command buffers submitted since the device was opened. */
  submits = 0;
  /** Dispatches encoded since the device was opened. */
  dispatches = 0;
  sink: ItemSink | undefined;

  private readonly log: (line: string) => void;
  private readonly finalizer: FinalizationRegistry<{ storage: Storage | undefined }>;
  private readonly scopes: Value[][] = [];
  private readonly staging = new Map<number, GPUBuffer[]>();
  private encoder: GPUCommandEncoder | undefined;
  private pass: GPUComputePassEncoder | undefined;
  private encoded = 0;
  private lastOp = "idle";
  private failure: LatentgradError | undefined;
  private readonly checks = new Set<Promise<void>>();

  constructor(
    readonly gpu: GPUDevice,
    readonly adapter: AdapterFacts,
    options: DeviceOptions = {},
  ) {
    this.debug = options.debug ?? 0;
    this.log = options.log ?? ((line) => console.error(line));
    this.limits = gpu.limits;
    this.hasTimestamps = gpu.features.has("timestamp-query");
    this.pool = new BufferPool(this, options.memoryLimit ?? Number.POSITIVE_INFINITY, this.debug < 3);
    this.pipelines = new PipelineCache(this);
    this.bindGroups = new BindGroupCache(this);
    this.finite = new FiniteChecker(this);
    this.finalizer = new FinalizationRegistry((held) => {
      if (held.storage && !this.lost) this.pool.release(held.storage.buffer);
      held.storage = undefined;
    });
    gpu.lost.then((info) => {
      this.lost ??= new DeviceLostError(this.lastOp, info.message || info.reason || "no reason given");
    });
    gpu.addEventListener?.("uncapturederror", (event) => {
      event.preventDefault?.();
      this.fail(this.classify(this.lastOp, (event as GPUUncapturedErrorEvent).error));
    });
  }

  /** Software adapters want register tiles without workgroup memory. */
  get isSoftware(): boolean {
    return this.adapter.kind === "llvmpipe" || this.adapter.kind === "swiftshader";
  }

  /** Closes the device. Buffers and programs made with it become unusable. */
  close(): void {
    this.lost ??= new DeviceLostError(this.lastOp, "the device was closed");
    this.pass = undefined;
    this.encoder = undefined;
    this.gpu.destroy();
  }

  // ---- values ---------------------------------------------------------------------------------

  /** A value with storage of its own. Its content is undefined until something is written. */
  allocate(dtype: DType, size: number, label: string, persistent = false): Value {
    this.alive();
    const value = new Value(this, dtype, size, label);
    const buffer = this.pool.acquire(value.bytes, label);
    value.storage = { buffer, offset: 0, bytes: value.bytes };
    value.persistent = persistent;
    this.own(value);
    return value;
  }

  /** Copies host data into a value. */
  write(value: Value, data: ArrayBufferView<ArrayBuffer>): void {
    this.alive();
    this.flush(); // earlier work that is still unsubmitted must not see the new content
    const storage = this.storageOf(value, "write");
    const tail = data.byteLength % 4;
    const whole = data.byteLength - tail;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    if (whole > 0) this.gpu.queue.writeBuffer(storage.buffer, storage.offset, bytes, 0, whole);
    if (tail > 0) {
      const last = new Uint8Array(4);
      last.set(bytes.subarray(whole));
      this.gpu.queue.writeBuffer(storage.buffer, storage.offset + whole, last);
    }
  }

  /** Gives a value's buffer back to the pool. Called by scopes; a value is dead afterwards. */
  release(value: Value): void {
    const held = this.holders.get(value);
    if (!held?.storage) return;
    if (!this.lost) this.pool.release(held.storage.buffer);
    held.storage = undefined;
    value.storage = undefined;
  }

  /** Moves a value into a part of another one's buffer (parameters into their arena). */
  rehome(value: Value, storage: Storage): void {
    this.release(value);
    value.storage = storage;
  }

  /**
   * Runs `body` and releases every value it made, except those that `keep` finds in its result.
   * Synchronous on purpose: values of concurrent async work would be indistinguishable.
   */
  scope<T>(body: () => T, keep: (result: T) => Iterable<Value>, made: Value[] = []): T {
    this.scopes.push(made);
    let kept: Set<Value> | undefined;
    try {
      const result = body();
      kept = new Set(keep(result));
      return result;
    } finally {
      this.scopes.pop();
      const outer = this.scopes.at(-1);
      for (const value of made) {
        if (value.persistent) continue;
        if (kept?.has(value)) outer?.push(value);
        else this.release(value);
      }
    }
  }

  // ---- running --------------------------------------------------------------------------------

  /** Runs an item now, or adds it to the recording at work. */
  emit(item: Item): void {
    this.alive();
    if (this.sink) {
      this.sink.add(item);
      return;
    }
    for (const output of isPack(item) ? [item.target] : item.outputs) {
      if (output.storage) continue;
      const buffer = this.pool.acquire(output.bytes, `${item.op} result`);
      output.storage = { buffer, offset: 0, bytes: output.bytes };
      this.own(output);
    }
    this.lastOp = item.op;
    if (isPack(item)) {
      for (const [i, input] of item.inputs.entries())
        this.copy(
          this.storageOf(input, item.op),
          this.storageOf(item.target, item.op),
          item.offsets[i] ?? 0,
        );
    } else this.runCall(item);
    if (this.encoded >= EAGER_BATCH) this.flush();
  }

  private runCall(call: Call): void {
    const source = call.kernel();
    const pipeline = this.pipelines.get(call.op, source, accessOf(call));
    const storages = bindingsOf(call).map((v) => this.storageOf(v, call.op));
    if (this.debug >= 1) this.trace(call.op, source.name, source.workgroups, source.code);
    this.encode(pipeline, this.bindGroups.get(pipeline, storages), source.workgroups);
    if (this.debug >= 2) this.finite.check(call.op, [...call.outputs, ...call.updates]);
  }

  /** Prints a kernel (LATENTGRAD_DEBUG=1). */
  trace(op: string, name: string, workgroups: readonly number[], code: string): void {
    this.log(`${op}: ${name}, ${workgroups.join("×")} workgroups, ${code.length} characters of WGSL`);
  }

  encode(
    pipeline: Pipeline,
    group: GPUBindGroup,
    workgroups: readonly [number, number, number],
  ): void {
    this.encoder ??= this.gpu.createCommandEncoder();
    this.pass ??= this.encoder.beginComputePass();
    this.pass.setPipeline(pipeline.pipeline);
    this.pass.setBindGroup(0, group);
    this.pass.dispatchWorkgroups(...workgroups);
    this.encoded++;
    this.dispatches++;
  }

  copy(from: Storage, to: Storage, toOffset: number): void {
    this.pass?.end();
    this.pass = undefined;
    this.encoder ??= this.gpu.createCommandEncoder();
    const bytes = Math.min(from.bytes, to.bytes - toOffset);
    this.encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset + toOffset, bytes);
    this.encoded++;
  }

  /** Submits what was encoded so far. */
  flush(): void {
    if (!this.encoder) return;
    this.pass?.end();
    const commands = this.encoder.finish();
    this.encoder = undefined;
    this.pass = undefined;
    this.encoded = 0;
    this.submit(commands);
  }

  submit(commands: GPUCommandBuffer): void {
    this.alive();
    this.gpu.queue.submit([commands]);
    this.submits++;
  }

  /** Resolves when all submitted work is done; throws what went wrong on the way. */
  async finish(): Promise<void> {
    this.flush();
    this.alive();
    await this.survive(this.gpu.queue.onSubmittedWorkDone());
    await this.settle();
  }

  /** The bytes of a value. Waits for all work before it. */
  async read(value: Value): Promise<ArrayBuffer> {
    const storage = this.storageOf(value, "read");
    const length = value.dtype === "u8" ? value.size : value.size * 4;
    if (this.finite.active) {
      this.flush();
      await this.finite.verdict();
    }
    const data = await this.readBuffer(storage.buffer, storage.offset, Math.ceil(length / 4) * 4);
    return data.slice(0, length);
  }

  async readBuffer(buffer: GPUBuffer, offset: number, bytes: number): Promise<ArrayBuffer> {
    this.alive();
    if (bytes === 0) return new ArrayBuffer(0);
    this.flush();
    const list = this.staging.get(bytes) ?? [];
    this.staging.set(bytes, list);
    const staging =
      list.pop() ?? this.gpu.createBuffer({ size: bytes, usage: 0x1 | 0x8, label: "read-back" }); // MAP_READ | COPY_DST
    const encoder = this.gpu.createCommandEncoder();
    encoder.copyBufferToBuffer(buffer, offset, staging, 0, bytes);
    this.submit(encoder.finish());
    await this.survive(staging.mapAsync(0x1)); // READ
    const copy = staging.getMappedRange().slice(0);
    staging.unmap();
    // Large staging buffers are not worth keeping; the few scalars of a training loop are.
    if (bytes <= 1 << 20 && list.length < 8) list.push(staging);
    else staging.destroy();
    await this.settle();
    return copy;
  }

  // ---- errors ---------------------------------------------------------------------------------

  /** Throws if the device is gone or a device error was reported. */
  alive(): void {
    if (this.lost) throw this.lost;
    if (this.failure) {
      const failure = this.failure;
      this.failure = undefined;
      throw failure;
    }
  }

  /** Runs `body` such that the implementation's running out of memory becomes an OutOfMemoryError. */
  guardMemory<T>(tensor: string, bytes: number, body: () => T): T {
    return this.guard(
      "out-of-memory",
      body,
      (message) => new OutOfMemoryError(tensor, bytes, message),
    );
  }

  /** Runs `body` such that a rejection becomes a GpuValidationError naming `op`. */
  guardValidation<T>(op: string, body: () => T): T {
    return this.guard("validation", body, (message) => new GpuValidationError(op, message));
  }

  private guard<T>(
    filter: GPUErrorFilter,
    body: () => T,
    make: (message: string) => LatentgradError,
  ): T {
    this.gpu.pushErrorScope(filter);
    try {
      return body();
    } catch (error) {
      // A runtime may throw at once where the specification speaks of an error scope.
      this.alive();
      throw make(error instanceof Error ? error.message : String(error));
    } finally {
      const check = this.gpu
        .popErrorScope()
        .then((error) => {
          if (error) this.fail(make(firstLine(error.message)));
        })
        .catch(() => undefined) // a lost device answers no scopes; `lost` tells
        .finally(() => this.checks.delete(check));
      this.checks.add(check);
    }
  }

  private classify(op: string, error: GPUError): LatentgradError {
    const message = firstLine(error.message);
    return error.constructor.name === "GPUOutOfMemoryError"
      ? new OutOfMemoryError(op, 0, message)
      : new GpuValidationError(op, message);
  }

  private fail(error: LatentgradError): void {
    this.failure ??= error;
  }

  /** Waits for the answers of all error scopes, then throws the first failure. */
  async settle(): Promise<void> {
    await Promise.all(this.checks);
    this.alive();
  }

  /** Awaits a promise of the device; if the device is lost meanwhile, throws that. */
  private async survive<T>(promise: Promise<T>): Promise<T> {
    const gone = this.gpu.lost.then(() => undefined);
    try {
      const result = await Promise.race([promise, gone]);
      if (this.lost) throw this.lost;
      return result as T;
    } catch (error) {
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 0))]);
      if (this.lost) throw this.lost;
      await this.settle();
      throw error;
    }
  }

  storageOf(value: Value, op: string): Storage {
    if (value.storage) return value.storage;
    throw new GpuValidationError(
      op,
      value.recording
        ? `${value.label || "a tensor"} was made while recording and has no data outside the program`
        : `${value.label || "a tensor"} was used after its scope ended`,
    );
  }

  private readonly holders = new WeakMap<Value, { storage: Storage | undefined }>();

  /** Takes care that a value's buffer returns to the pool: at the end of its scope, or when it is garbage. */
  private own(value: Value): void {
    const held = { storage: value.storage };
    this.holders.set(value, held);
    this.finalizer.register(value, held);
    this.scopes.at(-1)?.push(value);
  }
}

/** What a call binds, in binding order. */
export function bindingsOf(call: Call): Value[] {
  return [...call.inputs, ...call.outputs, ...call.updates];
}

export function accessOf(call: Call): Access[] {
  return [
    ...call.inputs.map(() => "read" as const),
    ...call.outputs.map(() => "write" as const),
    ...call.updates.map(() => "write" as const),
  ];
}

function firstLine(message: string): string {
  return message.split("\n").filter(Boolean).slice(0, 6).join(" | ");
}
