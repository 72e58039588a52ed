/** Whether recordings mean what their ops mean. */
import * as assert from "uvu/assert";
import type { Device } from "../../src/gpu/device.ts";
import { Program } from "../../src/gpu/program.ts";
import { fuse } from "../../src/kernels/fusion.ts";
import { mergeSums } from "../../src/kernels/merge-sums.ts";
import { record, scope } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

/** The bits of each tensor. */
async function bitsOf(tensors: readonly Tensor[]): Promise<number[][]> {
  const data = await Promise.all(tensors.map((t) => t.data()));
  return data.map((d) => [...new Uint32Array(d.buffer)]);
}

/** Kernels that fusion leaves, before small ones are put side by side. */
async function fusedKernels(device: Device, body: () => readonly Tensor[]): Promise<number> {
  const keep = (tensors: readonly Tensor[]) => tensors.map((t) => t.value);
  const { program } = await Program.record(device, body, keep, (items, kept) =>
    mergeSums(fuse(items, kept), kept),
  );
  const { dispatches } = program.statistics;
  program.release();
  return dispatches;
}

/**
 * Asserts that `body` gives the same numbers fused as op by op, that the replay has the bits of the
 * same kernels run eagerly with buffers of their own, and how many dispatches are left.
 *
 * @returns what it gives op by op
 */
export async function checkFused(
  device: Device,
  what: string,
  body: () => Tensor | readonly Tensor[],
  dispatches?: number,
  reset: () => void = () => undefined,
): Promise<Float32Array[]> {
  const list = () => [body()].flat() as Tensor[];
  reset();
  const eager = scope(device, list);
  const want = await Promise.all(eager.map((t) => t.data()));
  if (dispatches !== undefined)
    assert.is(await fusedKernels(device, list), dispatches, `${what}: dispatches`);
  const { program, result } = await record(device, list);
  reset();
  program.run();
  const got = await Promise.all(result.map((t) => t.data()));
  for (const [k, values] of want.entries()) {
    assert.equal(result[k]!.shape, eager[k]!.shape, what);
    for (const [i, v] of values.entries())
      if (!(Math.abs(got[k]![i]! - v) <= 1e-4 * (1 + Math.abs(v))))
        assert.unreachable(`${what}: element ${i} of ${k}: ${got[k]![i]} fused, ${v} eager`);
  }
  const replayed = await bitsOf(result);
  reset();
  program.runEager();
  assert.equal(await bitsOf(result), replayed, `${what}: eager bits`);
  reset();
  program.run();
  assert.equal(await bitsOf(result), replayed, `${what}: a second replay`);
  program.release();
  for (const t of eager) if (!t.value.persistent) device.release(t.value);
  return want;
}
