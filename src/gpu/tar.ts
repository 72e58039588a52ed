import { DataError } from "./errors.ts";

/** A regular file of a tar archive. */
export interface TarEntry {
  /** Relative path with forward slashes, checked: no `..`, not absolute. */
  readonly path: string;
  readonly executable: boolean;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;
const decoder = new TextDecoder();

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return decoder.decode(end < 0 ? field : field.subarray(0, end));
}

function octal(header: Uint8Array, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  if (!/^[0-7]*$/.test(digits)) throw new DataError("tar archive: a number is not octal");
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

function checkedPath(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (path.startsWith("/") || path.includes("\\") || parts.includes("..") || parts.length === 0) {
    throw new DataError(`tar archive: unsafe path ${JSON.stringify(path)}`);
  }
  return parts.join("/");
}

/**
 * The regular files of an uncompressed ustar archive. Folders are left out, as the paths imply
 * them; links and devices are refused.
 */
export function readTar(archive: Uint8Array): TarEntry[] {
  const entries: TarEntry[] = [];
  let offset = 0;
  while (offset + BLOCK <= archive.length) {
    const header = archive.subarray(offset, offset + BLOCK);
    if (header.every((byte) => byte === 0)) return entries;
    // The checksum counts its own field as eight spaces.
    let sum = 8 * 32;
    for (let i = 0; i < BLOCK; i++) if (i < 148 || i >= 156) sum += header[i]!;
    if (sum !== octal(header, 148, 8)) throw new DataError("tar archive: wrong header checksum");
    const size = octal(header, 124, 12);
    const type = String.fromCharCode(header[156]!);
    const prefix = text(header, 257, 5) === "ustar" ? text(header, 345, 155) : "";
    const name = text(header, 0, 100);
    const start = offset + BLOCK;
    if (start + size > archive.length) throw new DataError("tar archive: truncated");
    if (type === "0" || type === "\0") {
      entries.push({
        path: checkedPath(prefix === "" ? name : `${prefix}/${name}`),
        executable: (octal(header, 100, 8) & 0o100) !== 0,
        bytes: archive.subarray(start, start + size),
      });
    } else if (type !== "5" && type !== "g" && type !== "x") {
      throw new DataError(`tar archive: entry of type ${JSON.stringify(type)} is not supported`);
    }
    offset = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  throw new DataError("tar archive: truncated");
}
