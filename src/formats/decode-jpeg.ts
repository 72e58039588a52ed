import wasm from "@cwasm/jpeg-turbo/jpeg-turbo.wasm";
import { DataError } from "../gpu/errors.ts";
import { HostMemoryError, isOutOfMemory } from "./host-memory.ts";
import { cutOff, type JpegHeader } from "./jpeg-check.ts";
import type { DecodedPicture } from "./picture.ts";

/** The TurboJPEG functions of libjpeg-turbo, in WebAssembly; addresses are bytes of its memory. */
interface Codec {
  readonly memory: WebAssembly.Memory;
  malloc(bytes: number): number;
  free(address: number): void;
  tjInitDecompress(): number;
  tjDestroy(handle: number): void;
  tjDecompress2(
    handle: number,
    jpeg: number,
    bytes: number,
    pixels: number,
    width: number,
    pitch: number,
    height: number,
    format: number,
    flags: number,
  ): number;
}

/** TurboJPEG's pixel formats by the number of components. */
const formats = { 1: 6, 3: 0, 4: 11 } as const; // grey, RGB, CMYK

/** A codec whose memory has grown beyond this is not kept for the next picture. */
const mostKept = 2 ** 26;

let compiled: Promise<WebAssembly.Module> | undefined;
let kept: Codec | undefined;

const nothing = () => 0;
const giveUp = () => {
  throw new Error("the codec gave up");
};
const imports: WebAssembly.Imports = {
  env: { setjmp: nothing, longjmp: giveUp },
  wasi_snapshot_preview1: {
    environ_sizes_get: nothing,
    environ_get: nothing,
    fd_close: nothing,
    fd_seek: nothing,
    fd_write: nothing,
    proc_exit: giveUp,
  },
};

/** Decodes with the codec of the picture before, unless that spoilt it. */
function decode(
  module: WebAssembly.Module,
  bytes: Uint8Array,
  header: JpegHeader,
  name: string,
): Uint8Array | undefined {
  const { width, height } = header;
  let pixels: Uint8Array | undefined;
  let codec = kept;
  kept = undefined;
  try {
    codec ??= new WebAssembly.Instance(module, imports).exports as unknown as Codec;
    pixels = decodeWith(codec, bytes, header);
  } catch (error) {
    // The codec's memory is as the error left it, and is thrown away.
    if (!isOutOfMemory(error) && !(codec && isFull(codec, header))) return undefined;
    throw new HostMemoryError(`out of memory: ${name} has ${width}×${height} pixels`);
  }
  if (pixels && codec.memory.buffer.byteLength <= mostKept) kept = codec;
  return pixels;
}

/**
 * Decodes a JPEG file that `checkJpeg` let through. It is libjpeg-turbo without its parts for single
 * processors, so every runtime gets the same bits. Inks become RGB as (255 − ink)·(255 − black)/255.
 *
 * @throws DataError naming `name` for a damaged file, or one whose coded data are cut off, HostMemoryError where memory ends
 */
export async function decodeJpeg(
  bytes: Uint8Array,
  header: JpegHeader,
  name: string,
): Promise<DecodedPicture> {
  compiled ??= WebAssembly.compile(wasm);
  const module = await compiled;
  let pixels = decode(module, header.data, header, name);
  if (pixels === undefined) {
    // Some cameras put zeros between the coded data and the end.
    const trimmed = withoutPadding(header.data);
    if (trimmed) pixels = decode(module, trimmed, header, name);
  }
  if (pixels === undefined) {
    throw header.ended ? new DataError(`${name}: damaged JPEG data`) : cutOff(bytes, name);
  }
  const { width, height, components, adobe, orientation } = header;
  const samples = components === 1 ? 1 : 3;
  return {
    width,
    height,
    samples,
    pixels: components === 4 ? fromInks(pixels, adobe) : pixels,
    grey: samples === 1,
    orientation,
  };
}

/**
 * [height, width, components]; undefined where the codec warns.
 *
 * @throws what the codec gives up with; RangeError where there is no memory
 */
function decodeWith(codec: Codec, bytes: Uint8Array, header: JpegHeader): Uint8Array | undefined {
  const { width, height, components } = header;
  const jpeg = allocate(codec, bytes.length);
  new Uint8Array(codec.memory.buffer).set(bytes, jpeg);
  const handle = allocated(codec.tjInitDecompress());
  const size = width * height * components;
  const out = allocate(codec, size);
  const format = formats[components];
  const status = codec.tjDecompress2(
    ...([handle, jpeg, bytes.length, out, width, width * components, height, format, 0] as const),
  );
  const pixels = new Uint8Array(codec.memory.buffer).slice(out, out + size);
  codec.tjDestroy(handle);
  for (const address of [out, jpeg]) codec.free(address);
  return status === 0 ? pixels : undefined;
}

/**
 * Whether a codec that gave up has no room for the picture's coefficients, the most that it asks for by
 * itself: it says no reason, and frees nothing.
 */
function isFull(codec: Codec, { width, height, components }: JpegHeader): boolean {
  try {
    return codec.malloc(2 * width * height * components) === 0;
  } catch {
    return false; // damaged data have damaged its memory
  }
}

function allocate(codec: Codec, bytes: number): number {
  return allocated(codec.malloc(bytes));
}

function allocated(address: number): number {
  if (address === 0) throw new RangeError("out of memory");
  // Addresses are signed numbers here.
  return address >>> 0;
}

/** The file without zeros in front of its last two bytes (the end's marker); undefined without any. */
function withoutPadding(bytes: Uint8Array): Uint8Array | undefined {
  const end = lastEnd(bytes);
  let at = end;
  while (at > 0 && bytes[at - 1] === 0) at--;
  // A zero behind 255 is part of the code.
  if (bytes[at - 1] === 0xff) at++;
  if (at >= end) return undefined;
  const out = new Uint8Array(at + 2);
  out.set(bytes.subarray(0, at));
  out.set([0xff, 0xd9], at);
  return out;
}

function lastEnd(bytes: Uint8Array): number {
  for (let at = bytes.length - 2; at > 0; at--) {
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return at;
  }
  return bytes.length;
}

/** From [pixels, 4] cyan, magenta, yellow, black to [pixels, 3]. */
function fromInks(inks: Uint8Array, inverted: boolean): Uint8Array {
  const out = new Uint8Array((inks.length / 4) * 3);
  const light = (ink: number) => (inverted ? ink : 255 - ink);
  for (let i = 0; i < inks.length / 4; i++) {
    const black = light(inks[4 * i + 3]!);
    for (let c = 0; c < 3; c++) {
      const cover = 255 - light(inks[4 * i + c]!);
      out[3 * i + c] = black - Math.floor((cover * black) / 255 + 0.5);
    }
  }
  return out;
}
