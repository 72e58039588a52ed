import { Inflate } from "fflate";
import { DataError } from "../gpu/errors.ts";
import { crc32 } from "./crc.ts";
import { endsAtLastByte } from "./deflated.ts";
import { largestRatio } from "./gunzip.ts";
import { readDirectory, type ZipEntry } from "./zip-directory.ts";

/** A file in a ZIP archive; its name has forward slashes and is no way out of a folder. */
export interface ZipMember {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** What an archive may hold at most. */
export interface ZipLimits {
  /** Entries, folders among them. */
  readonly entries: number;
  /** Inflated bytes of one member. */
  readonly memberBytes: number;
  /** Inflated bytes of all members together. */
  readonly totalBytes: number;
}

/**
 * The files of a ZIP archive, one after another in the order of its directory; folders are left out.
 *
 * The directory is checked whole before the first member: see `readDirectory`. A member is inflated
 * to exactly the size that it declares, from all its bytes, and no further; its CRC is checked, and what members really
 * inflate to is counted against the limits: however an archive lies, no more than they allow is held.
 * Throws DataError naming `name` and the member.
 */
export function* readZip(bytes: Uint8Array, name: string, limits: ZipLimits): Generator<ZipMember> {
  let total = 0;
  for (const entry of readDirectory(bytes, name, limits.entries)) {
    if (entry.name.endsWith("/")) continue;
    const member = `${name}: ${entry.name}`;
    if (entry.size > limits.memberBytes) {
      throw new DataError(
        `${member}: ${entry.size} bytes, expected at most ${limits.memberBytes} in a member`,
      );
    }
    total += entry.size;
    if (total > limits.totalBytes) {
      throw new DataError(
        `${member}: with it the members are ${total} bytes, expected at most ${limits.totalBytes}`,
      );
    }
    const inflated = contentOf(entry, bytes, member);
    if (crc32(inflated) !== entry.crc) throw new DataError(`${member}: wrong checksum (CRC)`);
    yield { name: entry.name, bytes: inflated };
  }
}

/** Stored or inflated, of exactly the declared size. */
function contentOf(entry: ZipEntry, archive: Uint8Array, member: string): Uint8Array {
  const packed = archive.subarray(entry.start, entry.end);
  if (entry.method === "deflate") return inflate(packed, entry.size, member);
  if (packed.length !== entry.size) {
    throw new DataError(`${member}: ${packed.length} stored bytes, expected ${entry.size}`);
  }
  return packed;
}

/** Bytes that are inflated before what came of them is counted: at most 1032 times as many. */
const piece = 1 << 14;

function inflate(packed: Uint8Array, size: number, member: string): Uint8Array {
  if (size > packed.length * largestRatio) {
    throw new DataError(
      `${member}: it declares ${size} bytes, more than ${packed.length} compressed bytes can hold`,
    );
  }
  const out = new Uint8Array(size);
  let length = 0;
  const inflater = new Inflate((chunk) => {
    if (length + chunk.length > size) {
      throw new DataError(`${member}: inflates beyond the ${size} bytes that it declares`);
    }
    out.set(chunk, length);
    length += chunk.length;
  });
  try {
    for (let at = 0; at < packed.length; at += piece) {
      inflater.push(packed.subarray(at, at + piece), at + piece >= packed.length);
    }
  } catch (error) {
    if (error instanceof DataError) throw error;
    throw new DataError(
      `${member}: broken or truncated after ${length} inflated bytes (${(error as Error).message})`,
    );
  }
  if (length < size) {
    throw new DataError(`${member}: ends after ${length} inflated bytes, expected ${size}`);
  }
  if (!endsAtLastByte(packed, size)) {
    throw new DataError(`${member}: its deflated bytes do not end where the member does`);
  }
  return out;
}
