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

/** An entry with all that is a member's: its header, its bytes and what may follow them. */
interface Placed extends ZipEntry {
  /** Where the header before its bytes begins. */
  readonly first: number;
  /** Where the member ends. */
  readonly last: number;
}

/** Signatures of the records, as they are read: little-endian. */
const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const DESCRIPTOR = 0x08074b50;

/** Bytes of the records without names and comments. */
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
/** A descriptor's checksum and sizes; its signature may be left out. */
const DESCRIPTOR_BYTES = 12;

const methods: Readonly<Record<number, ZipEntry["method"]>> = { 0: "stored", 8: "deflate" };

/** Flags of encryption (bits 0, 6 and 13) and of patches (bit 5). */
const REFUSED_FLAGS = 0b10_0000_0110_0001;

/** Checksum and sizes follow the bytes in a descriptor, and may be 0 before them. */
const DESCRIPTOR_FLAG = 0b1000;

/**
 * Reads and checks the directory at the archive's end. It must be one volume, whole, without ZIP64
 * and without bytes before or after; from the first byte to the directory members follow one another
 * without gaps, stored or deflated, not encrypted. What is said of a member before and behind its
 * bytes is what the directory says. Names are unique, relative, without `..`, backslashes, control
 * characters and marks of the direction of text. Throws DataError naming `name` and the entry.
 */
export function readDirectory(bytes: Uint8Array, name: string, mostEntries: number): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { count, start, end } = findDirectory(view, name);
  if (count > mostEntries) {
    throw new DataError(`${name}: ${count} entries, expected at most ${mostEntries}`);
  }
  const entries: Placed[] = [];
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
  checkPlaces(entries, start, name);
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
): Placed {
  const refuse = (what: string) => new DataError(`${name}: ${entryName}: ${what}`);
  const { flags, method: number, sums } = readFacts(view, at + 8);
  const [crc, packed, size] = sums;
  const first = view.getUint32(at + 42, true);
  if ((flags & REFUSED_FLAGS) !== 0) throw refuse("encrypted or patched, expected plain bytes");
  const method = methods[number];
  if (method === undefined) {
    throw refuse(`compression method ${number}, expected 0 (stored) or 8 (deflate)`);
  }
  if (packed === 0xffffffff || size === 0xffffffff || first === 0xffffffff) {
    throw refuse("a ZIP64 entry, expected one of the first kind");
  }
  if (first + LOCAL_BYTES > directory || view.getUint32(first, true) !== LOCAL) {
    throw refuse(`no header of a member at byte ${first}`);
  }
  const nameLength = view.getUint16(first + 26, true);
  const start = first + LOCAL_BYTES + nameLength + view.getUint16(first + 28, true);
  const end = start + packed;
  if (end > directory) {
    throw refuse(`its bytes end at byte ${end}, expected byte ${directory} at most`);
  }
  const sameByte = (byte: number, i: number) => view.getUint8(first + LOCAL_BYTES + i) === byte;
  if (nameLength !== nameBytes.length || !nameBytes.every(sameByte)) {
    throw refuse(`the member at byte ${first} has another name`);
  }
  const local = readFacts(view, first + 6);
  const described = (flags & DESCRIPTOR_FLAG) !== 0;
  const flagsDiffer = ((flags ^ local.flags) & (REFUSED_FLAGS | DESCRIPTOR_FLAG)) !== 0;
  const sumsDiffer = local.sums.some((sum, i) => sum !== sums[i] && !(described && sum === 0));
  if (flagsDiffer || local.method !== number || sumsDiffer) {
    throw refuse(
      `the header at byte ${first} says otherwise than the directory (flags, method, checksum or sizes)`,
    );
  }
  const last = described ? descriptorEnd(view, end, directory, sums) : end;
  if (last === undefined) {
    throw refuse(`no descriptor at byte ${end} that says what the directory says`);
  }
  return { name: entryName, method, crc, size, start, end, first, last };
}

/** What a header and the directory both say of a member, from its flags at byte `at` on. */
function readFacts(view: DataView, at: number) {
  return {
    flags: view.getUint16(at, true),
    method: view.getUint16(at + 2, true),
    // Times are between them.
    sums: readSums(view, at + 8),
  };
}

/** Checksum, bytes in the archive, and inflated bytes. */
function readSums(view: DataView, at: number): readonly [number, number, number] {
  return [view.getUint32(at, true), view.getUint32(at + 4, true), view.getUint32(at + 8, true)];
}

/** Where the descriptor ends that begins at byte `at`, if it says the same as the directory. */
function descriptorEnd(
  view: DataView,
  at: number,
  directory: number,
  sums: readonly number[],
): number | undefined {
  const same = (from: number) =>
    from + DESCRIPTOR_BYTES <= directory && readSums(view, from).every((sum, i) => sum === sums[i]);
  const signed = at + 4 <= directory && view.getUint32(at, true) === DESCRIPTOR;
  if (signed && same(at + 4)) return at + 4 + DESCRIPTOR_BYTES;
  return same(at) ? at + DESCRIPTOR_BYTES : undefined;
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
  const strange = /[\\\u0000-\u001f\u007f-\u009f\p{Bidi_Control}]|^[A-Za-z]:/u.test(text);
  if (strange || parts.some((part) => ["", ".", ".."].includes(part))) {
    throw new DataError(`${name}: unsafe name ${quoted(text)}`);
  }
  return text;
}

/** In quotation marks, with escapes for all that a terminal might obey; JSON leaves some as they are. */
function quoted(text: string): string {
  const escaped = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replace(/[\u007f-\u009f\p{Bidi_Control}]/gu, escaped);
}

/**
 * Checks that members fill the archive up to the directory. Those that share bytes are a bomb that is
 * small itself; what lies between them is read by nobody, or by other readers alone.
 */
function checkPlaces(entries: readonly Placed[], directory: number, name: string): void {
  const sorted = [...entries].sort((a, b) => a.first - b.first);
  let before: Placed | undefined;
  const refuseGap = (next: number, what: string) => {
    const at = before?.last ?? 0;
    if (next > at) {
      throw new DataError(
        `${name}: ${next - at} bytes at byte ${at}, before ${what}, are no member's`,
      );
    }
  };
  for (const entry of sorted) {
    if (before !== undefined && entry.first < before.last) {
      throw new DataError(`${name}: ${entry.name} shares bytes with ${before.name}`);
    }
    refuseGap(entry.first, entry.name);
    before = entry;
  }
  refuseGap(directory, "the directory");
}
