/** ZIP archives, sound or broken, made byte by byte. */
import { deflateSync } from "fflate";
import { crc32 } from "../../src/data/crc.ts";
import { joined } from "./png-file.ts";

/** A member, and what the archive says of it where that is not true. */
export interface ZipPart {
  readonly name: string | Uint8Array;
  readonly content?: Uint8Array;
  /** 0 stores, 8 deflates; any other number stores. */
  readonly method?: number;
  /** The bytes in the archive, in place of the content's. */
  readonly packed?: Uint8Array;
  readonly size?: number;
  readonly packedSize?: number;
  readonly crc?: number;
  readonly flags?: number;
  /** The name in the header before the bytes. */
  readonly localName?: string;
  /** Where that header is. */
  readonly offset?: number;
}

/** What the record at the end says, where that is not true. */
export interface ZipEnd {
  readonly count?: number;
  readonly size?: number;
  readonly start?: number;
  readonly disk?: number;
  readonly comment?: string;
}

const encode = (text: string | Uint8Array) =>
  typeof text === "string" ? new TextEncoder().encode(text) : text;

/** A whole archive. */
export function zipFile(parts: readonly ZipPart[], end: ZipEnd = {}): Uint8Array<ArrayBuffer> {
  const members: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const part of parts) {
    const { content = new Uint8Array(), method = 8, flags = 0 } = part;
    const packed = part.packed ?? (method === 8 ? deflateSync(content) : content);
    const name = encode(part.name);
    const local = encode(part.localName ?? part.name);
    const shared = [
      ...half(flags),
      ...half(method),
      ...word(0),
      ...word(part.crc ?? crc32(content)),
      ...word(part.packedSize ?? packed.length),
      ...word(part.size ?? content.length),
    ];
    const header = [...word(0x04034b50), ...half(20), ...shared, ...half(local.length), 0, 0];
    const member = joined([Uint8Array.from(header), local, packed]);
    const entry = [...word(0x02014b50), ...half(20), ...half(20), ...shared, ...half(name.length)];
    entry.push(...new Array(12).fill(0), ...word(part.offset ?? at));
    directory.push(Uint8Array.from(entry), name);
    members.push(member);
    at += member.length;
  }
  const list = joined(directory);
  const { count = parts.length, disk = 0, comment = "" } = end;
  const last = [
    ...word(0x06054b50),
    ...half(disk),
    ...half(0),
    ...half(count),
    ...half(count),
    ...word(end.size ?? list.length),
    ...word(end.start ?? at),
    ...half(comment.length),
  ];
  return joined([...members, list, Uint8Array.from(last), encode(comment)]);
}

function half(value: number): number[] {
  return [value & 255, (value >>> 8) & 255];
}

function word(value: number): number[] {
  return [...half(value & 0xffff), ...half(value >>> 16)];
}
