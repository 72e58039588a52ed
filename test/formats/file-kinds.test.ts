/** What files are by their first bytes. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { anotherKind, describeFile } from "../../src/formats/file-kinds.ts";

const test = suite("kinds of files");

const latin = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
const zip = (name: string) => {
  const head = new Uint8Array(30 + name.length);
  head.set(latin("PK\x03\x04"));
  head[26] = name.length;
  head.set(latin(name), 30);
  return head;
};
const tar = new Uint8Array(512);
tar.set(latin("mnist/train-images"));
tar.set(latin("ustar\x0000"), 257);

const files: readonly [Uint8Array, string | undefined][] = [
  [new Uint8Array(), "an empty file"],
  [
    latin("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n"),
    "a Git LFS pointer",
  ],
  [latin("\x1f\x8b\x08"), "a gzip file"],
  [zip("archive/data.pkl"), "a ZIP archive of torch.save"],
  [zip("model/byteorder"), "a ZIP archive of torch.save"],
  [zip("arr_0.npy"), "an .npz archive"],
  [zip("images/1.png"), "a ZIP archive"],
  [latin("PK\x05\x06"), "a ZIP archive"],
  [latin("\x93NUMPY\x01\x00"), "an array in NumPy's format"],
  [Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1), "an IDX file of images"],
  [Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1), "an IDX file of labels"],
  [latin("\x89PNG\r\n\x1a\n"), "a PNG picture"],
  [Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), "a JPEG picture"],
  [latin("GIF89a"), "a GIF picture"],
  [latin("RIFF\x10\x00\x00\x00WEBPVP8 "), "a WebP picture"],
  [latin("\0\0\0\x18ftypheic"), "a HEIC or AVIF picture"],
  [latin("II*\0"), "a TIFF picture"],
  [latin(`BM${"\0".repeat(30)}`), "a BMP picture"],
  [latin("%PDF-1.7"), "a PDF document"],
  [latin("BZh91AY"), "a bzip2 file"],
  [latin("\xfd7zXZ\0"), "an xz file"],
  [latin("7z\xbc\xaf\x27\x1c"), "a 7-Zip archive"],
  [latin("\x89HDF\r\n\x1a\n"), "an HDF5 file"],
  [latin("MATLAB 5.0 MAT-file, Platform"), "a MATLAB file"],
  [latin("\x80\x02}q\x01(U\x0bbatch_label"), "a Python pickle"],
  [latin("\x80\x04\x95\x00\x10"), "a Python pickle"],
  [tar, "a tar archive"],
  [latin('\x08\0\0\0\0\0\0\0{"a":1} '), "a safetensors file"],
  [latin("\n<!DOCTYPE html><html>"), "an HTML page"],
  [latin('{"message":"Not Found"}'), "a JSON text"],
  [latin("404: Not Found"), "a text"],
  [Uint8Array.of(0, 0, 8, 9), undefined],
  // A label, then samples: nothing tells a batch of CIFAR from any bytes.
  [Uint8Array.of(6, 59, 43, 50, 68, 98, 119, 139), undefined],
  [Uint8Array.of(0x80, 2, 0, 0), undefined],
];

test("each kind is known by its first bytes", () => {
  for (const [bytes, words] of files) {
    const found = describeFile(bytes);
    if (words === undefined) assert.is(found, undefined, found?.words);
    else assert.ok(found?.words.startsWith(words), `${words}: ${found?.words}`);
  }
});

test("a kind that a reader reads is no other", () => {
  assert.is(anotherKind(latin("\x1f\x8b\x08"), "idx", "gzip"), undefined);
  assert.is(anotherKind(latin("\x93NUMPY"), "idx", "gzip"), "an array in NumPy's format");
  assert.is(anotherKind(Uint8Array.of(1, 2, 3), "idx"), undefined);
});

test.run();
