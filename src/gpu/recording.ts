import {
  accessOf,
  bindingsOf,
  type Call,
  type Item,
  isPack,
  type KernelSource,
  type Pack,
  partWith,
  writtenBy,
} from "./call.ts";
import type { Device, Holding } from "./device.ts";
import { checkDispatch } from "./dispatch-rules.ts";
import { GpuValidationError } from "./errors.ts";
import type { Plan } from "./liveness.ts";
import type { Pipeline } from "./pipelines.ts";
import type { CopyStep, Step } from "./step.ts";
import type { Assigned, TextureAccess } from "./texture-plan.ts";
import { atBindings } from "./textures.ts";
import type { Storage, Value } from "./value.ts";

/** What the tensors of a recording have in common: it keeps the program's memory reserved. */
export class Recording {
  readonly holding: Holding = { buffers: [] };
  /** Constants and variables that the body made. */
  readonly made: Value[] = [];
  readonly items: Item[] = [];
  /** What is being recorded, as an update of a training step. */
  part: string | undefined;

  add(item: Item): void {
    for (const v of writtenBy(item))
      if (!v.storage) {
        v.recording = this;
        v.part = this.part;
      }
    this.items.push(item);
  }
}

/** A dispatch with its bind group; `find` gives the storage of what the call binds. */
export function dispatchStep(
  device: Device,
  call: Call,
  source: KernelSource,
  pipeline: Pipeline,
  find: (v: Value, op: string) => Storage,
  { textures, fills }: Assigned,
): Step {
  const { op } = call;
  const storages = bindingsOf(call).map((v) => find(v, partWith(call, v).op));
  checkDispatch(device.limits, op, source.workgroups, storages, accessOf(call));
  const written = writtenBy(call).map((v) => {
    const { label, dtype, size, part } = v;
    const writer = partWith(call, v);
    const kernel = call.parts?.indexOf(writer) ?? 0;
    return { op: writer.op, kernel, label, dtype, size, part, storage: find(v, op) };
  });
  const group = device.bindGroups.create(op, pipeline, storages, atBindings(call, textures));
  const kernels = call.parts?.length ?? 1;
  return { kind: "dispatch", op, kernels, source, pipeline, group, textures, fills, written };
}

/** What an item reads through textures and what it writes. */
export function textureAccess(item: Item, find: (v: Value, op: string) => Storage): TextureAccess {
  const written = writtenBy(item).map((v) => find(v, item.op));
  if (isPack(item)) return { reads: [], writes: written };
  const { textures = [], inputs } = item;
  const reads = textures.map((k) => inputs[k] as Value);
  return { reads: reads.map((v) => find(v, partWith(item, v).op)), writes: written };
}

/** Copies for the parts of a pack that are not produced in place. */
export function packSteps(pack: Pack, plan: Plan, find: (v: Value) => Storage): CopyStep[] {
  const { op, target } = pack;
  return pack.inputs.flatMap((input, k) => {
    const toOffset = pack.offsets[k] ?? 0;
    const place = plan.places.get(input);
    if (place && "within" in place && place.within === target && place.offset === toOffset)
      return [];
    const copy = { from: find(input), to: find(target), toOffset, bytes: input.dataBytes };
    return [{ kind: "copy", op, ...copy } as const];
  });
}

/** WebGPU does not copy within a buffer: such a copy takes two steps. */
export function throughTemporary(device: Device, recording: Recording, copy: CopyStep): CopyStep[] {
  const { from, to, toOffset, bytes, op } = copy;
  if (from.buffer !== to.buffer) return [copy];
  if (from.offset === to.offset + toOffset) return [];
  const buffer = device.pool.acquire(bytes, `a copy for ${op}`);
  recording.holding.buffers = [...recording.holding.buffers, buffer];
  const between: Storage = { buffer, offset: 0, bytes, owner: recording };
  return [
    { ...copy, to: between, toOffset: 0 },
    { ...copy, from: between },
  ];
}

/** Takes the plan's buffers from the pool and gives every planned value its place in them. */
export function allocate(device: Device, plan: Plan, recording: Recording): Map<Value, Storage> {
  const buffers: GPUBuffer[] = [];
  recording.holding.buffers = buffers;
  const owners = new Map<number, Value>();
  for (const [v, place] of plan.places) {
    if (!("slot" in place)) continue;
    const known = owners.get(place.slot);
    if (!known || known.bytes < v.bytes) owners.set(place.slot, v);
  }
  for (const [i, bytes] of plan.slots.entries())
    buffers.push(device.pool.acquire(bytes, `the result of ${owners.get(i)?.label || "a kernel"}`));
  const storages = new Map<Value, Storage>();
  const of = (v: Value): Storage => {
    const known = storages.get(v) ?? v.storage;
    if (known) return known;
    const place = plan.places.get(v);
    if (!place) throw new GpuValidationError("record", `${v.label} is read before it is written`);
    const home = "slot" in place ? undefined : of(place.within);
    const storage: Storage = {
      buffer: home?.buffer ?? (buffers[(place as { slot: number }).slot] as GPUBuffer),
      offset: home && "offset" in place ? home.offset + place.offset : 0,
      bytes: v.bytes,
      owner: recording,
    };
    storages.set(v, storage);
    return storage;
  };
  for (const v of plan.places.keys()) of(v);
  return storages;
}
