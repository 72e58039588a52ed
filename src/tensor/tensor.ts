import { checkDevice, isNot } from "../gpu/arguments.ts";
import type { Device } from "../gpu/device.ts";
import { DTypeError, ShapeError, UsageError } from "../gpu/errors.ts";
import { Shown } from "../gpu/shown.ts";
import { type DType, Value } from "../gpu/value.ts";
import { sizeOf } from "../kernels/view.ts";

/** Where a tensor came from; the autograd layer's own. */
export interface Provenance {
  readonly op: string;
}

/** Elements on the host by the type that tensors hold them in; `B` is what the arrays lie in. */
export interface Elements<B extends ArrayBufferLike = ArrayBufferLike> {
  readonly f32: Float32Array<B>;
  readonly u32: Uint32Array<B>;
  readonly u8: Uint8Array<B>;
}

/** The type of the elements that a tensor made of such data has. */
export type DTypeOf<A> = A extends Uint32Array ? "u32" : A extends Uint8Array ? "u8" : "f32";

/** Each type with the arrays that hold it on the host. */
const ARRAYS = [
  ["f32", Float32Array],
  ["u32", Uint32Array],
  ["u8", Uint8Array],
] as const;

/**
 * An n-dimensional array on a device, row-major. Tensors are immutable, but for parameters and
 * other variables, which optimisers and `set` change. Images are [batch, height, width,
 * channels]. Users never free tensors: scopes, recorded programs and the garbage collector do.
 *
 * `Tensor` holds floats, `Tensor<"u32">` whole numbers, `Tensor<"u8">` bytes, `Tensor<DType>` any of them.
 */
export class Tensor<D extends DType = "f32"> extends Shown {
  /** How autograd made this tensor; undefined for data and wherever no derivative was asked for. @internal */
  provenance: Provenance | undefined;
  /** Derivatives with respect to this tensor may be asked for. */
  tracked = false;

  private constructor(
    /** Where its elements are. */
    readonly device: Device,
    /** Where its elements are. @internal */
    readonly value: Value,
    /** Lengths along the axes; [] of a single number. */
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

  /**
   * A tensor of a value: how the engine makes one.
   *
   * @internal
   */
  static of<D extends DType = "f32">(
    device: Device,
    value: Value,
    shape: readonly number[],
  ): Tensor<D> {
    // By its own name esbuild would call the class `_Tensor`, and so would consoles and errors.
    return new this(device, value, shape);
  }

  /** What its elements are. */
  get dtype(): D {
    return this.value.dtype as D;
  }
  /** Number of elements. */
  get size(): number {
    return this.value.size;
  }
  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /**
   * The elements, row-major: a `Float32Array`, of a tensor of whole numbers a `Uint32Array`, of bytes a
   * `Uint8Array`. Waits for the work that computes them.
   *
   * @throws whatever went wrong in that work; GpuValidationError for a tensor whose scope has ended, or that was made
   *   while recording and is no result of the program
   */
  async data(): Promise<Elements<ArrayBuffer>[D]> {
    const data = await this.device.read(this.value);
    const [, Held] = ARRAYS.find(([dtype]) => dtype === this.dtype) ?? ARRAYS[0];
    return new Held(data) as Elements<ArrayBuffer>[D];
  }

  /**
   * The only element of a tensor that has one.
   *
   * @throws ShapeError for any other number of elements
   */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw new ShapeError("item", `${formatShape(this.shape)} has not one element`);
    const [element] = (await this.data()) as ArrayLike<number> & Iterable<number>;
    return element as number;
  }

  /**
   * Overwrites a variable (parameters and bytes included) from the host. What runs from then on reads the new
   * elements, recorded programs included.
   *
   * @param values as many as it has elements, row-major, in an array of its type
   * @throws DTypeError for values of another type; ShapeError for another number of them; UsageError for a tensor that
   *   is no variable, and while a step is recorded, since no replay would set it again; DeviceLostError where the device
   *   is gone or closed
   */
  set(values: Elements[D]): void {
    if (!this.value.persistent)
      throw new UsageError(`set: ${this} is no variable: variable(device, data, shape) makes one`);
    if (this.device.sink)
      throw new UsageError(
        `set: ${this.value.label} cannot be set while recording, since no replay would do it again: set it before program.run()`,
      );
    writeValues("set", this.value, values, "values");
  }

  override toString(): string {
    return `Tensor ${formatShape(this.shape)} ${this.dtype}`;
  }
}

/** What a typed array holds, if a tensor can hold it. */
export function heldBy(data: unknown): DType | undefined {
  return ARRAYS.find(([, type]) => data instanceof type)?.[0];
}

/** The array that elements of a type are in on the host, by its name. */
export function arrayName(dtype: DType): string {
  return ARRAYS.find(([name]) => name === dtype)?.[1].name ?? dtype;
}

/**
 * Overwrites a value from the host, at once.
 *
 * @param name what errors call the data
 */
export function writeValues(op: string, value: Value, data: unknown, name = "data"): void {
  const held = heldBy(data);
  if (!held)
    throw new DTypeError(op, isNot(name, data, "a Float32Array, Uint32Array or Uint8Array"));
  if (value.dtype !== held)
    throw new DTypeError(op, `${value.label} holds ${value.dtype}, not ${held}`);
  const { device } = value;
  checkDevice(op, device);
  const { length } = data as Float32Array<ArrayBuffer>;
  if (length !== value.size)
    throw new ShapeError(op, `${value.label} has ${value.size} elements, not ${length}`);
  if (length > 0) device.write(value, data as Float32Array<ArrayBuffer>);
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
export function emptyResult<D extends DType = "f32">(
  device: Device,
  op: string,
  shape: readonly number[],
  dtype: D = "f32" as D,
): Tensor<D> {
  checkShape(op, shape);
  return Tensor.of<D>(device, new Value(device, dtype, sizeOf(shape), op), [...shape]);
}
