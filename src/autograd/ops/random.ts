import { checkDevice, checkOptions, checkWhole, isNot } from "../../gpu/arguments.ts";
import type { Device } from "../../gpu/device.ts";
import { DTypeError, ShapeError } from "../../gpu/errors.ts";
import type { DType } from "../../gpu/value.ts";
import { philoxCall, type Seed } from "../../kernels/philox.ts";
import { shuffleCall } from "../../kernels/shuffle.ts";
import { checkTensors } from "../../tensor/arguments.ts";
import { empty } from "../../tensor/create.ts";
import { emptyResult, formatShape, type Tensor } from "../../tensor/tensor.ts";

/** What random numbers depend on: the same key gives the same numbers. */
export interface RandomKey {
  /** Two u32. */
  readonly seed: Seed;
  /** One u32, read at each run: a replayed program draws new numbers when it changes. */
  readonly step: Tensor<"u32">;
  /** A u32; ops with one seed and step need different streams. */
  readonly stream: number;
}

/** Evenly distributed numbers in [0, 1), multiples of 2⁻²⁴. No derivative. */
export function randomUniform(device: Device, shape: readonly number[], key: RandomKey): Tensor {
  return random("randomUniform", "uniform", device, shape, key);
}

/** Standard normal numbers. No derivative. */
export function randomNormal(device: Device, shape: readonly number[], key: RandomKey): Tensor {
  return random("randomNormal", "normal", device, shape, key);
}

function random(
  op: string,
  kind: "uniform" | "normal",
  device: Device,
  shape: readonly number[],
  key: RandomKey,
): Tensor {
  checkDevice(op, device);
  checkKey(op, device, key);
  const { seed, step, stream } = key;
  const out = emptyResult(device, op, shape);
  if (out.size === 0) return empty(device, shape);
  device.emit(philoxCall(op, { kind, seed, stream }, step.value, out.value));
  return out;
}

/** @throws UsageError, DTypeError, DeviceError, ShapeError that name the argument, `key`, or its part */
export function checkKey(op: string, device: Device, key: RandomKey): void {
  checkOptions(op, key, { seed: "any", step: "any", stream: "number" }, "key");
  checkWords(op, device, "step", key.step, 1);
  checkSeed(op, key.seed);
  checkWord(op, "stream", key.stream);
}

/**
 * Which examples make up a batch: places offset … offset + batch − 1 of a pseudo-random order of
 * 0 … count − 1, which the seed and the epoch decide. Places count from 0 again behind the last.
 *
 * @param position u32 [epoch, offset], read at each run
 * @returns [batch] u32
 */
export function batchIndices(
  device: Device,
  count: number,
  batch: number,
  position: Tensor<"u32">,
  seed: Seed,
): Tensor<"u32"> {
  const op = "batchIndices";
  checkDevice(op, device);
  checkWhole(op, "count", count, 1, 2 ** 30);
  checkWhole(op, "batch", batch, 0);
  checkWords(op, device, "position", position, 2);
  checkSeed(op, seed);
  const out = emptyResult(device, op, [batch], "u32");
  if (batch === 0) return empty(device, [0], "u32");
  device.emit(shuffleCall(op, count, seed, position.value, out.value));
  return out;
}

function checkWords(
  op: string,
  device: Device,
  name: string,
  t: Tensor<DType>,
  size: number,
): void {
  checkTensors(op, [[name, t, "u32"]], device);
  if (t.size !== size)
    throw new ShapeError(op, `${name} is ${formatShape(t.shape)}, expected ${size} elements`);
}

export function checkSeed(op: string, seed: Seed): void {
  if (!Array.isArray(seed) || seed.length !== 2)
    throw new DTypeError(op, isNot("seed", seed, "two u32, such as [1, 0]"));
  for (const word of seed) checkWord(op, "seed", word);
}

function checkWord(op: string, name: string, word: number): void {
  if (!Number.isInteger(word) || word < 0 || word > 0xffffffff)
    throw new DTypeError(op, `${name} ${word} is no u32`);
}
