import { DataError } from "../gpu/errors.ts";

/** An entry of a ZIP archive's directory, checked against the archive. */
export interface ZipEntry {
  /** Ends in a slash for a folder. */
  readonly name: string;
  readonly method: "stored" | "deflate";
  /** Of the inflated bytes. */
  readonly crc: number;
  /** Inflated bytes, as the archive says. */
  readonly size: number;
  /** Where its bytes begin and end in the archive. */
  readonly start: number;
  readonly end: number;
}

/** Signatures of the records, as they are read: little-endian. */
const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;

/** Bytes of the records without names and comments. */
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;

const methods: Readonly<Record<number, ZipEntry["method"]>> = { 0: "stored", 8: "deflate" };

/** Flags of encryption (bits 0, 6 and 13) and of patches (bit 5). */
const REFUSED_FLAGS = 0b10_0000_0110_0001;

/**
 * Reads and checks the directory at the archive's end. It must be one volume, whole, without ZIP64
 * and without bytes before or after; members lie within the archive, apart from each other, stored
 * or deflated, not encrypted. Names are unique, relative, without `..`, backslashes and control
 * characters. Throws DataError naming `name` and the entry.
 */
export function readDirectory(bytes: Uint8Array, name: string, mostEntries: number): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { count, start, end } = findDirectory(view, name);
  if (count > mostEntries) {
    throw new DataError(`${name}: ${count} entries, expected at most ${mostEntries}`);
  }
  const entries: ZipEntry[] = [];
  const names = new Set<string>();
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + ENTRY_BYTES > end || view.getUint32(at, true) !== ENTRY) {
      throw new DataError(`${name}: no entry ${i} of the directory at byte ${at}`);
    }
    const lengths = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const next = lengths.reduce((sum, length) => sum + length, at + ENTRY_BYTES);
    if (next > end) throw new DataError(`${name}: entry ${i} of the directory is cut off`);
    const nameBytes = bytes.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + lengths[0]!);
    const entryName = checkedName(nameBytes, name);
    if (names.has(entryName)) throw new DataError(`${name}: ${entryName} is in it twice`);
    names.add(entryName);
    entries.push(readEntry(view, at, start, entryName, nameBytes, name));
    at = next;
  }
  if (at !== end) {
    throw new DataError(`${name}: ${end - at} bytes too many at the directory's end (byte ${at})`);
  }
  checkApart(entries, name);
  return entries;
}

/** Finds the record at the archive's end: the number of entries and where their directory is. */
function findDirectory(
  view: DataView,
  name: string,
): { count: number; start: number; end: number } {
  const last = view.byteLength - END_BYTES;
  // A comment of up to 65,535 bytes may follow, and nothing after it.
  const isEnd = (at: number) =>
    view.getUint32(at, true) === END && view.getUint16(at + 20, true) === last - at;
  let at = last;
  while (at >= 0 && at >= last - 0xffff && !isEnd(at)) at--;
  if (at < 0 || at < last - 0xffff) {
    throw new DataError(`${name}: no ZIP archive, or cut off: it has no record at its end`);
  }
  const [disk, startDisk, onDisk, count] = [4, 6, 8, 10].map((o) => view.getUint16(at + o, true));
  const [size, start] = [view.getUint32(at + 12, true), view.getUint32(at + 16, true)];
  if (count === 0xffff || size === 0xffffffff || start === 0xffffffff) {
    throw new DataError(`${name}: a ZIP64 archive, expected one of the first kind`);
  }
  if (disk !== 0 || startDisk !== 0 || onDisk !== count) {
    throw new DataError(`${name}: one volume of several, expected a whole archive`);
  }
  if (start + size !== at) {
    throw new DataError(
      `${name}: the directory ends at byte ${start + size}, expected byte ${at}, where the last record begins`,
    );
  }
  return { count: count ?? 0, start, end: at };
}

/** Checks one entry, whose record is at byte `at`, and the header before its bytes. */
function readEntry(
  view: DataView,
  at: number,
  directory: number,
  entryName: string,
  nameBytes: Uint8Array,
  name: string,
): ZipEntry {
  const refuse = (what: string) => new DataError(`${name}: ${entryName}: ${what}`);
  const flags = view.getUint16(at + 8, true);
  const method = methods[view.getUint16(at + 10, true)];
  const [crc, packed, size] = [16, 20, 24].map((offset) => view.getUint32(at + offset, true));
  const local = view.getUint32(at + 42, true);
  if ((flags & REFUSED_FLAGS) !== 0) throw refuse("encrypted or patched, expected plain bytes");
  if (method === undefined) {
    const found = view.getUint16(at + 10, true);
    throw refuse(`compression method ${found}, expected 0 (stored) or 8 (deflate)`);
  }
  if (packed === 0xffffffff || size === 0xffffffff || local === 0xffffffff) {
    throw refuse("a ZIP64 entry, expected one of the first kind");
  }
  if (local + LOCAL_BYTES > directory || view.getUint32(local, true) !== LOCAL) {
    throw refuse(`no header of a member at byte ${local}`);
  }
  const nameLength = view.getUint16(local + 26, true);
  const start = local + LOCAL_BYTES + nameLength + view.getUint16(local + 28, true);
  const end = start + packed!;
  if (end > directory) {
    throw refuse(`its bytes end at byte ${end}, expected byte ${directory} at most`);
  }
  const sameByte = (byte: number, i: number) => view.getUint8(local + LOCAL_BYTES + i) === byte;
  if (nameLength !== nameBytes.length || !nameBytes.every(sameByte)) {
    throw refuse(`the member at byte ${local} has another name`);
  }
  return { name: entryName, method, crc: crc!, size: size!, start, end };
}

/** Decodes a name and refuses what could leave a folder or confuse a terminal. */
function checkedName(bytes: Uint8Array, name: string): string {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new DataError(`${name}: a name that is not UTF-8`);
  }
  const parts = text.replace(/\/$/, "").split("/");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const strange = /[\\\u0000-\u001f\u007f-\u009f]|^[A-Za-z]:/.test(text);
  if (strange || parts.some((part) => ["", ".", ".."].includes(part))) {
    throw new DataError(`${name}: unsafe name ${JSON.stringify(text)}`);
  }
  return text;
}

/** Members that share bytes are a bomb that is small itself. */
function checkApart(entries: readonly ZipEntry[], name: string): void {
  const sorted = entries.filter(({ start, end }) => end > start).sort((a, b) => a.start - b.start);
  for (const [i, entry] of sorted.entries()) {
    const before = sorted[i - 1];
    if (before !== undefined && entry.start < before.end + LOCAL_BYTES) {
      throw new DataError(`${name}: ${entry.name} shares bytes with ${before.name}`);
    }
  }
}
