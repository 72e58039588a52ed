/** What a file's first bytes say that it is, where they say anything. */
export interface FileKind {
  readonly kind:
    | "empty"
    | "lfs"
    | "gzip"
    | "zip"
    | "tar"
    | "idx"
    | "npy"
    | "png"
    | "jpeg"
    | "safetensors"
    | "json"
    | "text"
    | "other";
  /** For messages, as "an HTML page". */
  readonly words: string;
}

/** How many bytes of a file decide. */
const HEAD = 512;

type Look = (head: Uint8Array, text: string) => FileKind | undefined;

const begins =
  (
    kind: FileKind["kind"],
    words: string,
    ...signatures: readonly (string | readonly number[])[]
  ): Look =>
  (head, text) =>
    signatures.some((signature) =>
      typeof signature === "string"
        ? text.startsWith(signature)
        : signature.every((byte, i) => head[i] === byte),
    )
      ? { kind, words }
      : undefined;

/** Signatures, the first that fits counts. */
const looks: readonly Look[] = [
  ({ length }) => (length === 0 ? { kind: "empty", words: "an empty file" } : undefined),
  begins(
    "lfs",
    "a Git LFS pointer in place of the file (git lfs pull fetches it)",
    "version https://git-lfs.github.com/spec/",
  ),
  begins("gzip", "a gzip file", [0x1f, 0x8b]),
  zipKind,
  begins("zip", "a ZIP archive", "PK\x05\x06", "PK\x07\x08"),
  begins("npy", "an array in NumPy's format", "\x93NUMPY"),
  idxKind,
  begins("png", "a PNG picture", "\x89PNG\r\n\x1a\n"),
  begins("jpeg", "a JPEG picture", [0xff, 0xd8, 0xff]),
  begins("other", "a GIF picture", "GIF87a", "GIF89a"),
  (_, text) =>
    /^RIFF.{4}WEBP/s.test(text) ? { kind: "other", words: "a WebP picture" } : undefined,
  (_, text) =>
    /^.{4}ftyp(heic|heix|hevc|mif1|msf1|avif)/s.test(text)
      ? { kind: "other", words: "a HEIC or AVIF picture" }
      : undefined,
  begins("other", "a TIFF picture", "II*\0", "MM\0*"),
  (head, text) =>
    // Two letters alone would make pictures of many texts: the reserved bytes are 0.
    text.startsWith("BM") && head.length >= 26 && head.subarray(6, 10).every((byte) => byte === 0)
      ? { kind: "other", words: "a BMP picture" }
      : undefined,
  begins("other", "a PDF document", "%PDF-"),
  begins("other", "a bzip2 file, which has to be unpacked first", "BZh"),
  begins("other", "an xz file, which has to be unpacked first", "\xfd7zXZ\0"),
  begins("other", "a Zstandard file, which has to be unpacked first", "\x28\xb5\x2f\xfd"),
  begins("other", "a 7-Zip archive, which has to be unpacked first", "7z\xbc\xaf\x27\x1c"),
  begins("other", "a RAR archive, which has to be unpacked first", "Rar!\x1a\x07"),
  begins("other", "an HDF5 file", "\x89HDF\r\n\x1a\n"),
  begins("other", "a MATLAB file", "MATLAB 5.0 MAT-file"),
  begins("other", "a Parquet file", "PAR1"),
  begins("other", "a SQLite database", "SQLite format 3\0"),
  pickleKind,
  (head, text) =>
    head.length >= 263 && text.slice(257, 262) === "ustar"
      ? { kind: "tar", words: "a tar archive" }
      : undefined,
  safetensorsKind,
  textKind,
];

/**
 * Says what a file is by its first bytes; undefined where they are of no kind that is known here.
 * Nothing is decoded and nothing is run: of a pickle it sees that it is one.
 */
export function describeFile(bytes: Uint8Array): FileKind | undefined {
  const head = bytes.subarray(0, HEAD);
  const text = String.fromCharCode(...head);
  for (const look of looks) {
    const found = look(head, text);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * In words, what a file is by its first bytes that a reader cannot read; undefined where they say
 * nothing, or that it is one of those that it can.
 */
export function anotherKind(
  bytes: Uint8Array,
  ...readable: readonly FileKind["kind"][]
): string | undefined {
  const found = describeFile(bytes);
  return found === undefined || readable.includes(found.kind) ? undefined : found.words;
}

/** The first member's name tells archives of PyTorch and NumPy from others. */
function zipKind(head: Uint8Array, text: string): FileKind | undefined {
  if (!text.startsWith("PK\x03\x04")) return undefined;
  const name = text.slice(30, 30 + (head[26] ?? 0));
  // Some archives that pass for one of PyTorch's have their name elsewhere.
  if (/(^|\/)(data\.pkl|byteorder|\.format_version)$/.test(name) || text.includes("/data.pkl"))
    return { kind: "zip", words: "a ZIP archive of torch.save (save the weights as safetensors)" };
  if (name.endsWith(".npy")) return { kind: "zip", words: "an .npz archive of NumPy arrays" };
  return { kind: "zip", words: "a ZIP archive" };
}

function idxKind([a, b, type = 0, rank = 0]: Uint8Array): FileKind | undefined {
  if (a !== 0 || b !== 0 || ![8, 9, 11, 12, 13, 14].includes(type)) return undefined;
  if (rank < 1 || rank > 4) return undefined;
  return { kind: "idx", words: `an IDX file of ${rank === 1 ? "labels" : "images"}` };
}

/** Protocols 2 to 5 begin with their number, and end with a dot that is not looked for. */
function pickleKind([first, protocol = 0, next = 0]: Uint8Array): FileKind | undefined {
  if (first !== 0x80 || protocol < 2 || protocol > 5) return undefined;
  // A frame, an empty dictionary, a list, a tuple, a global, memoised text, numbers.
  return "\x95}](cXqKBMJGhRNq\x8a\x8c".includes(String.fromCharCode(next))
    ? { kind: "other", words: "a Python pickle" }
    : undefined;
}

function safetensorsKind(head: Uint8Array, text: string): FileKind | undefined {
  const high = head.subarray(4, 8);
  return head.length > 9 && text[8] === "{" && high.every((byte) => byte === 0)
    ? { kind: "safetensors", words: "a safetensors file" }
    : undefined;
}

function textKind(head: Uint8Array, text: string): FileKind | undefined {
  const start = text.replace(/^\xef\xbb\xbf/, "").trimStart();
  if (/^(<!doctype html|<html|<head)/i.test(start)) return { kind: "other", words: "an HTML page" };
  if (/^(<\?xml|<svg)/i.test(start)) return { kind: "other", words: "an XML text" };
  if (!head.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127)))
    return undefined;
  if (/^[{[]/.test(start)) return { kind: "json", words: "a JSON text" };
  return { kind: "text", words: "a text" };
}
