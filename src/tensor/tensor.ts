import { checkDevice, isNot } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { DTypeError, ShapeError } from "../gpu/errors.ts";
import { Shown } from "../gpu/shown.ts";
import { type DType, Value } from "../gpu/value.ts";
import { sizeOf } from "../kernels/view.ts";

/** Where a tensor came from; the autograd layer's own. */
export interface Provenance {
  readonly op: string;
}

/**
 * An n-dimensional array on a device, row-major. Tensors are immutable, but for parameters and
 * other variables, which optimisers and `assign` change. Images are [batch, height, width,
 * channels]. Users never free tensors: scopes, recorded programs and the garbage collector do.
 */
export class Tensor extends Shown {
  /** How autograd made this tensor; undefined for data and wherever no derivative was asked for. */
  provenance: Provenance | undefined;
  /** Derivatives with respect to this tensor may be asked for. */
  tracked = false;

  constructor(
    readonly device: Device,
    readonly value: Value,
    readonly shape: readonly number[],
  ) {
    super();
    checkDevice("tensor", device);
    if (!(value instanceof Value))
      throw new DTypeError(
        "tensor",
        `${isNot("value", value, "a Value")}: tensor(device, data) makes a tensor`,
      );
    if (!Array.isArray(shape)) checkShape("tensor", shape);
    this.tag();
  }

  get dtype(): DType {
    return this.value.dtype;
  }
  get size(): number {
    return this.value.size;
  }
  get rank(): number {
    return this.shape.length;
  }

  /** The elements, row-major. Waits for the work that computes them. */
  async data(): Promise<Float32Array<ArrayBuffer>> {
    if (this.dtype !== "f32")
      throw new DTypeError("data", `the tensor holds ${this.dtype}, read it with integers()`);
    return new Float32Array(await this.device.read(this.value));
  }

  /** The elements of a u32 tensor. */
  async integers(): Promise<Uint32Array<ArrayBuffer>> {
    if (this.dtype !== "u32")
      throw new DTypeError("integers", `the tensor holds ${this.dtype}, read it with data()`);
    return new Uint32Array(await this.device.read(this.value));
  }

  /** The only element of a tensor that has one. */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw new ShapeError("item", `${formatShape(this.shape)} has not one element`);
    const data = this.dtype === "f32" ? await this.data() : await this.integers();
    return data[0] as number;
  }

  override toString(): string {
    return `Tensor ${formatShape(this.shape)} ${this.dtype}`;
  }
}

export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** The most elements that a tensor may have: beyond it, indices overflow 32 bits. */
const MOST_ELEMENTS = 2 ** 30;

/** @throws ShapeError for anything but an array of lengths, and for negative, fractional or absurd ones */
export function checkShape(op: string, shape: readonly number[], name = "shape"): void {
  if (!Array.isArray(shape))
    throw new ShapeError(op, isNot(name, shape, "an array of lengths, such as [2, 3]"));
  for (const n of shape)
    if (!Number.isInteger(n) || n < 0 || n > MOST_ELEMENTS)
      throw new ShapeError(op, `${formatShape(shape)} is no shape: ${n} is no length`);
  if (sizeOf(shape) > MOST_ELEMENTS)
    throw new ShapeError(op, `${formatShape(shape)} has more than 2^30 elements`);
}

/** An uninitialised tensor for an op's result; the device gives it storage when the op runs. */
export function emptyResult(
  device: Device,
  op: string,
  shape: readonly number[],
  dtype: DType = "f32",
): Tensor {
  checkShape(op, shape);
  return new Tensor(device, new Value(device, dtype, sizeOf(shape), op), [...shape]);
}
