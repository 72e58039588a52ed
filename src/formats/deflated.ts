import { inflateSync } from "fflate";

/**
 * Whether deflated bytes, which are known to inflate to `size` bytes, need the last of them: an
 * inflater stops at the end of the stream and does not tell what is behind it. Without the last byte
 * a stream that ends there is cut off, and any other is whole. No bytes at all are no stream.
 */
export function endsAtLastByte(deflated: Uint8Array, size: number): boolean {
  try {
    inflateSync(deflated.subarray(0, -1), { out: new Uint8Array(size) });
    return false;
  } catch {
    return true;
  }
}

/** Adler-32, the checksum of zlib streams (RFC 1950). */
export function adler32(bytes: Uint8Array): number {
  let a = 1;
  let b = 0;
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}
