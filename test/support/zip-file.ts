/** ZIP archives, sound or broken, made byte by byte. */
import { deflateSync } from "fflate";
import { crc32 } from "../../src/formats/crc.ts";
import { joined } from "./png-file.ts";

/** What both headers of a member say. */
export interface ZipFacts {
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
}

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
  /** With bit 3 a descriptor follows the bytes, and the header before them has zeros for what it says. */
  readonly flags?: number;
  /** The descriptor, in place of a true one with its signature. */
  readonly descriptor?: Uint8Array;
  /** What the header before the bytes says otherwise than the directory. */
  readonly local?: Partial<ZipFacts>;
  /** Bytes in front of that header that are no member's. */
  readonly gap?: Uint8Array;
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
    const facts: ZipFacts = {
      flags,
      method,
      crc: part.crc ?? crc32(content),
      packedSize: part.packedSize ?? packed.length,
      size: part.size ?? content.length,
    };
    const described = (flags & 8) !== 0;
    const before = {
      ...facts,
      ...(described && { crc: 0, packedSize: 0, size: 0 }),
      ...part.local,
    };
    const descriptor = part.descriptor ?? descriptorOf(facts);
    const fixed = [...half(20), ...factsOf(before), ...half(local.length), 0, 0];
    const header = Uint8Array.from([...word(0x04034b50), ...fixed]);
    const member = joined([header, local, packed, ...(described ? [descriptor] : [])]);
    if (part.gap) members.push(part.gap);
    at += part.gap?.length ?? 0;
    const entry = [...word(0x02014b50), ...half(20), ...half(20), ...factsOf(facts)];
    entry.push(...half(name.length));
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

function factsOf({ flags, method, crc, packedSize, size }: ZipFacts): number[] {
  const sums = [crc, packedSize, size].flatMap(word);
  return [...half(flags), ...half(method), ...word(0), ...sums];
}

/** A descriptor of a member, with its signature. */
export function descriptorOf({ crc, packedSize, size }: Omit<ZipFacts, "flags" | "method">) {
  return Uint8Array.from([0x08074b50, crc, packedSize, size].flatMap(word));
}

function half(value: number): number[] {
  return [value & 255, (value >>> 8) & 255];
}

function word(value: number): number[] {
  return [...half(value & 0xffff), ...half(value >>> 16)];
}
