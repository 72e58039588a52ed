/**
 * Damaged and hostile files: each reader takes a file or refuses it in one line, and what it takes is what
 * the bytes say. A few hundred of them; LATENTGRAD_CAMPAIGN=5000 makes so many of each format.
 */
import { deflateSync, gzipSync, zlibSync } from "fflate";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readArchive } from "../../src/data/archive.ts";
import { readCifarBatch } from "../../src/data/cifar10.ts";
import { readIdxImages, readIdxLabels } from "../../src/data/idx.ts";
import { readNpyBytes } from "../../src/formats/npy.ts";
import { checkPng } from "../../src/formats/png-check.ts";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { readZip } from "../../src/formats/zip.ts";
import { CheckpointError, DataError } from "../../src/gpu/errors.ts";
import { idxFile } from "../support/idx-file.ts";
import { npyDictionary, npyFile } from "../support/npy-file.ts";
import { chunk, joined, pngFile, signature } from "../support/png-file.ts";
import { tarFile } from "../support/tar-file.ts";
import { zipFile } from "../support/zip-file.ts";

const test = suite("hostile files");

const env = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env;
const CASES = Number(env?.LATENTGRAD_CAMPAIGN ?? 40);

/** Numbers in [0, 1) that are the same every time. */
function sequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let h = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    h = Math.imul(h ^ (h >>> 15), 0x735a2d97);
    return ((h ^ (h >>> 15)) >>> 0) / 2 ** 32;
  };
}

interface Format {
  readonly name: string;
  readonly sound: Uint8Array;
  /** Reads a file, and checks that what it gives is what the bytes say. */
  readonly read: (bytes: Uint8Array) => Promise<void>;
}

/** The checksum of a tar header: of its own field it counts spaces. */
const tarSum = (header: Uint8Array) =>
  header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);

const u32 = (bytes: Uint8Array, at: number) =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(at);

const pixels = Uint8Array.from({ length: 4 * 5 * 6 }, (_, i) => i * 37);
const images = idxFile([4, 5, 6], pixels);
const labels = idxFile([9], [0, 1, 2, 3, 4, 5, 6, 7, 8]);
const members = [
  { name: "a/", content: new Uint8Array() },
  { name: "a/one.txt", content: pixels },
  { name: "two", content: pixels.slice(0, 50), method: 0 },
] as const;
const archive = zipFile(members);
/** With one empty block at its end, so that whatever is cut off is missed. */
const tar = tarFile(members.map(({ name, content }) => [name, content] as const)).slice(0, -512);
const limits = { entries: 10, memberBytes: 1 << 12, totalBytes: 1 << 13 };
const cifar = Uint8Array.from({ length: 2 * 3073 }, (_, i) => (i % 3073 === 0 ? 7 : i));

/** That of IDX: the header says how many bytes follow. */
function sameIdx(bytes: Uint8Array, rank: number, values: Uint8Array): void {
  const head = 4 + 4 * rank;
  let size = 1;
  for (let axis = 0; axis < rank; axis++) size *= u32(bytes, 4 + 4 * axis);
  assert.equal([...bytes.subarray(0, 4)], [0, 0, 8, rank]);
  assert.is(bytes.length, head + size);
  assert.equal(values, bytes.slice(head));
}

const formats: readonly Format[] = [
  {
    name: "idx images",
    sound: images,
    read: async (bytes) => {
      const { pixels: found } = await readIdxImages(bytes, "x");
      sameIdx(bytes, 3, found);
    },
  },
  {
    name: "idx labels",
    sound: labels,
    read: async (bytes) => sameIdx(bytes, 1, await readIdxLabels(bytes, "x")),
  },
  {
    name: "gzip",
    sound: gzipSync(images),
    // It has a checksum: nothing but what was packed may come out.
    read: async (bytes) => {
      if (bytes[0] !== 0x1f || bytes[1] !== 0x8b)
        return void (await readIdxImages(bytes, "x").then(() => assert.unreachable()));
      assert.equal((await readIdxImages(bytes, "x")).pixels, pixels);
    },
  },
  {
    name: "npy",
    sound: npyFile(npyDictionary([4, 5, 6]), pixels),
    read: async (bytes) => {
      const { shape, values } = await readNpyBytes(bytes, "x", [3, 4]);
      const count = shape.reduce((product, size) => product * size, 1);
      assert.is(values.length, count);
      if (count === values.length && bytes[6] === 1 && /u1/.test(text(bytes)))
        assert.equal(values, bytes.slice(bytes.length - count));
    },
  },
  {
    name: "npy.gz",
    sound: gzipSync(npyFile(npyDictionary([4, 5, 6]), pixels)),
    read: async (bytes) => {
      assert.equal((await readNpyBytes(bytes, "x", [3, 4])).values, pixels);
    },
  },
  {
    name: "cifar",
    sound: cifar,
    read: async (bytes) => {
      const { labels: found } = await readCifarBatch(bytes, "x");
      assert.is(bytes.length, 3073 * found.length);
      found.forEach((label, i) => {
        assert.ok(label === bytes[3073 * i] && label < 10);
      });
    },
  },
  {
    name: "zip",
    sound: archive,
    // Members have checksums: what comes out is what was packed, under whatever name.
    read: async (bytes) => {
      for (const { bytes: content } of readZip(bytes, "x", limits)) {
        const packed = members.some(({ content: own }) => hex(own) === hex(content));
        assert.ok(packed, "content that nobody packed");
      }
    },
  },
  {
    name: "tar",
    sound: tar,
    // Headers have checksums, content has none: it is what stands behind its header.
    read: async (bytes) => {
      let from = 0;
      for (const { path, bytes: content } of await readArchive(bytes, "x")) {
        assert.not.match(path, /^\/|\\|(^|\/)\.\.(\/|$)/);
        const at = content.byteOffset - bytes.byteOffset;
        assert.ok(content.buffer === bytes.buffer && at % 512 === 0 && at >= from + 512, path);
        from = at + content.length;
        assert.ok(from + 512 <= bytes.length, path);
        const header = bytes.subarray(at - 512, at);
        const number = (begin: number, end: number) =>
          Number.parseInt(text(header.subarray(begin, end)).split("\0")[0]!.trim() || "0", 8);
        assert.is(number(124, 136), content.length);
        assert.is(number(148, 156), tarSum(header));
      }
    },
  },
  {
    name: "tar.gz",
    sound: gzipSync(tar),
    read: async (bytes) => {
      if (bytes[0] !== 0x1f || bytes[1] !== 0x8b)
        return void (await readArchive(bytes, "x").then(() => assert.unreachable()));
      const files = await readArchive(bytes, "x");
      assert.equal(
        files.map(({ path, bytes: content }) => [path, hex(content)]),
        [
          ["a/one.txt", hex(pixels)],
          ["two", hex(pixels.slice(0, 50))],
        ],
      );
    },
  },
  {
    name: "png",
    sound: await pngFile({
      width: 7,
      height: 5,
      depth: 8,
      colourType: 2,
      pixel: (x, y) => [x, y, 9],
    }),
    // Chunks have checksums, but for what stands behind the last.
    read: async (bytes) => {
      const { width, height } = await checkPng(bytes, "x");
      assert.equal([width, height], [7, 5]);
    },
  },
  {
    name: "safetensors",
    sound: await unhashed(),
    read: async (bytes) => {
      const { tensors } = await readSafetensors(bytes, "x");
      const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
      const header = JSON.parse(text(bytes.subarray(8, 8 + length)));
      for (const [name, { data, shape }] of tensors) {
        const [begin, end] = header[name].data_offsets;
        assert.equal(shape, header[name].shape);
        assert.equal(
          new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
          bytes.slice(8 + length + begin, 8 + length + end),
        );
      }
    },
  },
];

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const hex = (bytes: Uint8Array) => Array.from(bytes).join();

/** A file of three tensors without hashes, which would notice everything. */
async function unhashed(): Promise<Uint8Array> {
  const file = await writeSafetensors(
    new Map([
      ["a.weight", { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
      ["b", { dtype: "U32", shape: [], data: Uint32Array.of(7) }],
      ["c", { dtype: "U8", shape: [5], data: Uint8Array.of(1, 2, 3, 4, 5) }],
    ]),
    { model: "vae" },
  );
  const length = new DataView(file.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  header.__metadata__ = { model: "vae" };
  const json = new TextEncoder().encode(JSON.stringify(header));
  return joined([
    Uint8Array.of(json.length, json.length >> 8, 0, 0, 0, 0, 0, 0),
    json,
    file.subarray(8 + length),
  ]);
}

/** Extremes of a field of four bytes. */
const extremes = [0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x10000, 0x40000000];

/** One change to a file, or a few. */
function mutated(sound: Uint8Array, random: () => number): Uint8Array {
  const below = (n: number) => Math.floor(random() * n);
  let file = sound.slice();
  const changes = 1 + below(3);
  for (let change = 0; change < changes; change++) {
    // Headers are short, and the most is decided there.
    const at = below(random() < 0.5 ? Math.min(64, file.length) : file.length);
    const length = 1 + below(16);
    const kind = below(9);
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
    if (kind === 0) file = file.slice(0, at);
    else if (kind === 1 && file.length > 0) file[at]! ^= 1 << below(8);
    else if (kind === 2 && at + 4 <= file.length)
      view.setUint32(at, extremes[below(extremes.length)]!, random() < 0.5);
    else if (kind === 3) file = joined([file.slice(0, at), file.slice(at + length)]);
    else if (kind === 4) file = joined([file.slice(0, at + length), file.slice(at)]);
    else if (kind === 5) file.fill(0, at, at + length);
    else if (kind === 6) file.fill(below(256), at, at + length);
    else if (kind === 7) file = joined([file, Uint8Array.from({ length }, () => below(256))]);
    else
      file = joined([
        file.slice(0, at),
        Uint8Array.from({ length }, () => 48 + below(10)),
        file.slice(at),
      ]);
  }
  return file;
}

/** Reads a file; whether it was taken. Throws where it was refused in any other way than in one line. */
async function taken({ name, read }: Format, bytes: Uint8Array): Promise<boolean> {
  const begin = performance.now();
  try {
    await read(bytes);
    return true;
  } catch (error) {
    const sound = error instanceof DataError || error instanceof CheckpointError;
    if (!sound) throw new Error(`${name}: ${error} of ${Array.from(bytes.subarray(0, 400))}`);
    const { message } = error;
    assert.ok(message.startsWith("x: ") && !/[\r\n]/.test(message), message);
    assert.ok(message.length <= 300, `${message.length} characters: ${message}`);
    return false;
  } finally {
    assert.ok(performance.now() - begin < 10_000, `${name}: it took more than 10 s`);
  }
}

for (const [number, format] of formats.entries()) {
  test(`${format.name}: sound, cut off at every byte, and changed`, async () => {
    assert.ok(await taken(format, format.sound));
    const step = format.sound.length > 1000 ? 61 : 1;
    for (let length = 0; length < format.sound.length; length += step)
      assert.not(await taken(format, format.sound.slice(0, length)), `cut off at ${length}`);
    const random = sequence(number + 1);
    let count = 0;
    for (let i = 0; i < CASES; i++) if (await taken(format, mutated(format.sound, random))) count++;
    if (env?.LATENTGRAD_CAMPAIGN)
      console.log(
        `${format.name}: ${CASES} changed, ${count} taken, ${Math.ceil(format.sound.length / step)} cut off`,
      );
  });
}

const MiB = 2 ** 20;

test("what expands is never held", async () => {
  const zeros = new Uint8Array(16 * MiB);
  const bomb = gzipSync(joined([images.subarray(0, 16), zeros]));
  const byName = (name: string) => formats.find((format) => format.name === name)!;
  const memory = () =>
    (globalThis as { process?: NodeJS.Process }).process?.memoryUsage?.().rss ?? 0;
  const before = memory();
  const refused = async (name: string, bytes: Uint8Array) =>
    assert.not(await taken(byName(name), bytes), `${name} of ${bytes.length} bytes`);
  await refused("gzip", bomb);
  await refused("npy.gz", gzipSync(joined([npyFile(npyDictionary([4, 5, 6]), pixels), zeros])));
  await refused("npy.gz", gzipSync(npyFile(npyDictionary([4000, 500, 500]), pixels)));
  await refused("gzip", gzipSync(idxFile([4000, 500, 500], pixels)));
  // The trailer lies about the size.
  const lies = gzipSync(cifar);
  new DataView(lies.buffer, lies.byteOffset).setUint32(lies.length - 4, 3073 * 100_000, true);
  await refused("cifar", lies);
  for (const [content, size] of [
    [tar, 2 ** 31],
    [joined([tar, zeros]), tar.length],
  ] as const) {
    const claims = gzipSync(content);
    new DataView(claims.buffer, claims.byteOffset).setUint32(claims.length - 4, size, true);
    await refused("tar.gz", claims);
  }
  const vast = tar.slice(512);
  vast.set(new TextEncoder().encode("77777777777\0"), 124);
  const sum = tarSum(vast.subarray(0, 512));
  vast.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  await refused("tar", vast);
  const packed = deflateSync(zeros);
  await refused("zip", zipFile([{ name: "z", packed, size: 100, crc: 0 }]));
  await refused("zip", zipFile([{ name: "z", packed, size: 16 * MiB, crc: 0 }]));
  await refused("zip", zipFile(Array.from({ length: 11 }, (_, i) => ({ name: `${i}` }))));
  const png = byName("png").sound;
  const header = png.subarray(8, 8 + 25);
  await refused("png", joined([signature, header, chunk("IDAT", zlibSync(zeros)), chunk("IEND")]));
  const nested = new TextEncoder().encode(`{"a":${"[".repeat(2 * MiB)}`);
  const length = Uint8Array.of(...[0, 8, 16, 24].map((bit) => nested.length >> bit), 0, 0, 0, 0);
  await refused("safetensors", joined([length, nested]));
  const axes = new TextEncoder().encode(
    `{"a":{"dtype":"F32","shape":[${"1,".repeat(MiB / 4)}1],"data_offsets":[0,4]}}`,
  );
  const size = Uint8Array.of(...[0, 8, 16, 24].map((bit) => axes.length >> bit), 0, 0, 0, 0);
  await refused("safetensors", joined([size, axes, new Uint8Array(4)]));
  const grown = (memory() - before) / MiB;
  assert.ok(grown < 200, `${grown} MiB more`);
});

test.run();
