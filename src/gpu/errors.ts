import { cutMessage } from "./visible-text.ts";

/**
 * Every error that the engine raises on purpose. Each has a one-line message and the exit status
 * that the command line gives it.
 */
export class LatentgradError extends Error {
  /** Exit status of the command line (see docs/commands.md). */
  readonly exitCode: number = 1;
  override name = "LatentgradError";
  /**
   * A long message is cut in the middle: what a file holds may make it as long as it likes.
   *
   * @param most characters; more than by default only where nothing of a file's content is in it
   */
  constructor(message: string, most?: number) {
    super(cutMessage(message, most));
  }
}

/** Characters of a message that quotes a compiler, or names the files that were kept. */
const TECHNICAL = 1000;

/** A wrong command, option or argument. */
export class UsageError extends LatentgradError {
  override readonly exitCode = 2;
  override name = "UsageError";
}

/** A data set or file whose content is not what it should be. */
export class DataError extends LatentgradError {
  override readonly exitCode = 3;
  override name = "DataError";
}

/** A checkpoint that cannot be read, or that belongs to another model. */
export class CheckpointError extends LatentgradError {
  override readonly exitCode = 3;
  override name = "CheckpointError";
}

/** Reading or writing failed: missing permission, full disk, missing file. */
export class IoError extends LatentgradError {
  override readonly exitCode = 7;
  override name = "IoError";
}

/** Shapes that do not fit an op; raised before anything is dispatched. */
export class ShapeError extends LatentgradError {
  override name = "ShapeError";
  constructor(
    /** The op, layer or function whose arguments do not fit. */
    readonly op: string,
    detail: string,
  ) {
    super(`${op}: ${detail}`);
  }
}

/** An element type that an op does not take; raised before anything is dispatched. */
export class DTypeError extends LatentgradError {
  override name = "DTypeError";
  constructor(
    /** The op, layer or function that does not take the type. */
    readonly op: string,
    detail: string,
  ) {
    super(`${op}: ${detail}`);
  }
}

/** Tensors on different devices, or something else where a device is wanted; raised before anything runs. */
export class DeviceError extends LatentgradError {
  override name = "DeviceError";
  constructor(
    /** The op, layer or function that was given it. */
    readonly op: string,
    detail: string,
  ) {
    super(`${op}: ${detail}`);
  }
}

/** No WebGPU, or no adapter that fits. */
export class NoAdapterError extends LatentgradError {
  override readonly exitCode = 4;
  override name = "NoAdapterError";
}

/** The implementation rejected a shader, a binding or a command: a bug in a kernel. */
export class GpuValidationError extends LatentgradError {
  override name = "GpuValidationError";
  constructor(
    /** The op whose kernel, binding or command was rejected. */
    readonly op: string,
    detail: string,
  ) {
    super(`${op}: ${detail}`, TECHNICAL);
  }
}

/** A buffer did not fit: into the adapter's memory, or below the limit that was set. */
export class OutOfMemoryError extends LatentgradError {
  override readonly exitCode = 8;
  override name = "OutOfMemoryError";
  constructor(
    /** What the buffer was for. */
    readonly tensor: string,
    /** How large it was to be. */
    readonly bytes: number,
    detail: string,
  ) {
    super(`out of GPU memory: ${tensor} wants ${bytes} bytes, ${detail}`);
  }
}

/** The device went away: driver reset, unplugged, destroyed. */
export class DeviceLostError extends LatentgradError {
  override readonly exitCode = 5;
  override name = "DeviceLostError";
  constructor(
    /** What the device was given last. */
    readonly op: string,
    /** What the runtime says of it. */
    readonly detail: string,
  ) {
    super(`device lost (${op}): ${detail}`);
  }
}

/** A value became NaN or infinite. */
export class NonFiniteError extends LatentgradError {
  override readonly exitCode = 6;
  override name = "NonFiniteError";
  constructor(
    /** The op, weight or loss term that is not finite. */
    readonly op: string,
    /** The step of the training, from 1, where there is one. */
    readonly step: number | undefined,
    /** What was found, and what has become of the run. */
    readonly detail: string,
  ) {
    super(step === undefined ? `${op}: ${detail}` : `${op} at step ${step}: ${detail}`, TECHNICAL);
  }
}
