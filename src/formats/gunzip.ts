import { DataError } from "../gpu/errors.ts";
import { hasSeveralMembers } from "./gzip-members.ts";

/** Whether bytes begin like a gzip member with the deflate method. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** A gzip member cannot expand more than deflate's best ratio, 1032:1. */
export const largestRatio = 1032;

/**
 * Inflates one gzip member to exactly the size that its own content declares. Files of several members
 * are refused.
 *
 * `sizeOf` is given the first inflated bytes, at least `headBytes`, and returns the full inflated
 * size, or undefined to be asked again with more of them; it may throw. Inflation stops at the first byte beyond that size, so what a hostile file expands to is
 * never held, and a size that the compressed bytes cannot hold is refused before it is allocated.
 * Throws DataError naming `name`.
 */
export async function gunzip(
  compressed: Uint8Array,
  name: string,
  headBytes: number,
  sizeOf: (head: Uint8Array) => number | undefined,
): Promise<Uint8Array> {
  requireOneMember(compressed, name);
  const reader = streamOf(compressed).pipeThrough(new DecompressionStream("gzip")).getReader();
  let out: Uint8Array | undefined;
  let head = new Uint8Array(0);
  let length = 0;
  let complete = false;
  try {
    for (;;) {
      const { done, value } = await read(reader, name, length);
      if (done) break;
      if (out === undefined) {
        head = concat(head, value);
        length = head.length;
        if (length < headBytes) continue;
        const size = sizeOf(head);
        if (size === undefined) continue;
        checkRatio(size, compressed, name);
        if (length > size) throw tooLong(name, size);
        out = new Uint8Array(size);
        out.set(head);
      } else {
        if (length + value.length > out.length) throw tooLong(name, out.length);
        out.set(value, length);
        length += value.length;
      }
    }
    complete = true;
  } finally {
    // A reader given up early would leave the decompressor's error unhandled.
    if (!complete) await reader.cancel().catch(() => undefined);
  }
  if (out === undefined) {
    // Too short for a header: let its parser say which field is missing.
    sizeOf(head);
    throw new DataError(`${name}: ends after ${length} inflated bytes, within its header`);
  }
  if (length < out.length) {
    throw new DataError(
      `${name}: ends after ${length} inflated bytes, expected ${out.length} (byte ${length} is missing)`,
    );
  }
  checkTrailer(compressed, length, name);
  return out;
}

/**
 * Inflates one gzip member whose content does not say how long it is: its last four bytes do.
 * `check` is given that size and may throw. Throws DataError naming `name`.
 */
export async function gunzipWhole(
  compressed: Uint8Array,
  name: string,
  check: (size: number) => void,
): Promise<Uint8Array> {
  requireOneMember(compressed, name);
  if (compressed.length < 18) throw new DataError(`${name}: ${compressed.length} bytes, cut off`);
  const view = new DataView(compressed.buffer, compressed.byteOffset, compressed.byteLength);
  const size = view.getUint32(compressed.length - 4, true);
  check(size);
  checkRatio(size, compressed, name);
  return gunzip(compressed, name, 0, () => size);
}

function requireOneMember(compressed: Uint8Array, name: string): void {
  if (hasSeveralMembers(compressed)) {
    throw new DataError(
      `${name}: gzip of several members, expected one; gunzip and gzip again make it one`,
    );
  }
}

function checkRatio(size: number, { length }: Uint8Array, name: string): void {
  if (size > length * largestRatio) {
    throw new DataError(
      `${name}: it declares ${size} bytes, more than ${length} compressed bytes can hold`,
    );
  }
}

/**
 * The member's last four bytes repeat the inflated length. Some runtimes ignore bytes after the
 * member and some end early without an error; both show here.
 */
function checkTrailer(compressed: Uint8Array, length: number, name: string): void {
  const at = compressed.length - 4;
  const view = new DataView(compressed.buffer, compressed.byteOffset, compressed.byteLength);
  if (at < 18 - 4 || view.getUint32(at, true) !== length % 2 ** 32) {
    throw new DataError(
      `${name}: the gzip trailer at byte ${at} does not say ${length} bytes (cut off, or bytes after the end)`,
    );
  }
}

async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  name: string,
  length: number,
): Promise<{ done: false; value: Uint8Array } | { done: true; value: undefined }> {
  try {
    const { done, value } = await reader.read();
    return done ? { done: true, value: undefined } : { done: false, value };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(
      `${name}: broken or truncated gzip after ${length} inflated bytes (${reason.replace(/\s+/g, " ")})`,
    );
  }
}

function tooLong(name: string, size: number): DataError {
  return new DataError(`${name}: inflates beyond the ${size} bytes that it declares`);
}

/** The bytes as a stream to be inflated. */
export function streamOf(bytes: Uint8Array): ReadableStream<Uint8Array<ArrayBuffer>> {
  // In pieces: some runtimes inflate a piece whole before it is read, up to 1032 times its size.
  const piece = 1 << 14;
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.length) {
        controller.close();
        return;
      }
      controller.enqueue(bytes.slice(at, at + piece));
      at += piece;
    },
  });
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
