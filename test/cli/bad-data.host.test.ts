/** Data that are damaged, hostile, missing or badly served, through the whole command line. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mnist } from "../../src/data/sources.ts";
import { type Outcome, latentgrad as run } from "../support/command.ts";
import { breakAfter, serve, startFileServer } from "../support/file-server.ts";
import { npyDictionary, npyFile } from "../support/npy-file.ts";
import { drawing } from "../support/omniglot-files.ts";
import {
  chunk,
  deflated,
  header,
  joined,
  type PngKind,
  pngFile,
  rawRows,
  signature,
} from "../support/png-file.ts";
import { skip } from "../support/skip.ts";
import { zipFile } from "../support/zip-file.ts";

const test = suite("bad data, from end to end");
const folder = mkdtempSync(join(tmpdir(), "latentgrad-bad-data-"));
const cache = join(folder, "cache", "latentgrad", "data");
const out = join(folder, "run");

test.after(() => rmSync(folder, { recursive: true, force: true }));

function latentgrad(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const isolated = { XDG_CACHE_HOME: join(folder, "cache"), LATENTGRAD_OFFLINE: "1" };
  return run(args, { ...isolated, ...env });
}

const train = (data: string, ...more: string[]) =>
  ["train", "vae", "--runtime", "node", "--data", data, "--out", out, ...more] as const;

/** Runs a training that must be refused with status 3, one line and no run folder; the line. */
async function refused(
  args: readonly string[],
  pattern: RegExp,
  env: Record<string, string> = {},
): Promise<void> {
  const { status, stdout, stderr } = await latentgrad(args, env);
  assert.is(status, 3, stderr);
  // Progress of downloads may stand before it.
  const lines = stderr.split("\n").filter((line) => !/^(download(ing|ed) .*)?$/.test(line));
  assert.is(lines.length, 1, stderr);
  assert.match(lines[0]!, /^latentgrad: /);
  assert.match(lines[0]!, pattern);
  assert.is(stdout, "");
  assert.not(existsSync(out), "no run folder is left behind");
}

function put(path: string, bytes: Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

/** An IDX file of bytes. */
function idx(shape: readonly number[], values: Uint8Array, magic?: readonly number[]): Uint8Array {
  const word = (value: number) => [value >>> 24, value >>> 16, value >>> 8, value];
  const head = magic ?? [0, 0, 8, shape.length];
  return joined([Uint8Array.from([...head, ...shape.flatMap(word)]), values]);
}

const images = idx([20, 28, 28], new Uint8Array(20 * 784));
const labels = idx([20], new Uint8Array(20));

/** A folder with a small sound set, but for the file of training images or labels. */
function idxFolder(name: string, replaced: "images" | "labels", bytes: Uint8Array): string {
  const place = join(folder, name);
  const file = (part: string) => join(place, "mnist", part);
  put(file("train-images-idx3-ubyte.gz"), replaced === "images" ? bytes : images);
  put(file("train-labels-idx1-ubyte.gz"), replaced === "labels" ? bytes : labels);
  put(file("t10k-images-idx3-ubyte.gz"), images);
  put(file("t10k-labels-idx1-ubyte.gz"), labels);
  return place;
}

const most = 2 ** 32 - 1;
for (const [name, replaced, bytes, pattern] of [
  ["magic", "images", idx([2, 2, 2], new Uint8Array(8), [7, 0, 8, 3]), /byte 0 \(magic\) is 0x07/],
  ["rank-0", "images", idx([], new Uint8Array(), [0, 0, 8, 0]), /byte 3 \(rank\) is 0, expected 3/],
  [
    "rank-255",
    "labels",
    idx([], new Uint8Array(1020), [0, 0, 8, 255]),
    /rank\) is 255, expected 1/,
  ],
  ["dimensions", "images", idx([most, most, most], new Uint8Array(8)), /dimensions .* more than/],
  ["short", "images", images.subarray(0, 5000), /ends after 5000 bytes, expected 15696/],
  ["trailing", "labels", joined([labels, Uint8Array.of(1, 2)]), /2 bytes too many from byte 28/],
  ["cut-gzip", "images", gzipSync(images).subarray(0, 40), /images.*\.gz: /],
  [
    "bomb",
    "images",
    gzipSync(idx([20, 28, 28], new Uint8Array(50e6))),
    /inflates beyond the 15696/,
  ],
  ["count", "labels", idx([21], new Uint8Array(21)), /labels.*: 21 labels, expected 20 as in/],
  ["class", "labels", idx([20], new Uint8Array(20).fill(10)), /label 0 \(byte 8\) is 10/],
] as const) {
  test(`IDX: ${name}`, () =>
    refused(train("mnist", "--data-dir", idxFolder(`idx-${name}`, replaced, bytes)), pattern));
}

/** A folder with one file of a set. */
function fileFolder(name: string, file: string, bytes: Uint8Array): string {
  put(join(folder, name, file), bytes);
  return join(folder, name);
}

test("Omniglot: hostile archives", async () => {
  const zip = "omniglot/images_background.zip";
  const place = "images_background/Greek/character01/0001_01.png";
  const content = drawing(0, 0);
  for (const [name, bytes, pattern] of [
    ["text", new TextEncoder().encode("not an archive at all"), /no ZIP archive, or cut off/],
    ["cut", zipFile([{ name: place, content }]).subarray(0, 100), /no ZIP archive, or cut off/],
    ["escape", zipFile([{ name: "../../x.png", content }]), /unsafe name "\.\.\/\.\.\/x\.png"/],
    ["bomb", zipFile([{ name: place, content: new Uint8Array(5e7), size: 600 }]), /beyond the 600/],
    ["crc", zipFile([{ name: place, content, crc: 1 }]), /0001_01\.png: wrong checksum/],
    ["few", zipFile([{ name: place, content }]), /character01 lacks drawer 02/],
  ] as const) {
    const place = fileFolder(`omniglot-${name}`, zip, bytes);
    put(join(place, "omniglot", "images_evaluation.zip"), zipFile([]));
    const line = new RegExp(`images_background\\.zip.*: .*${pattern.source}`);
    await refused(train("omniglot", "--data-dir", place), line);
  }
  await refused(train("omniglot-rotated"), /omniglot lacks images_background\.zip, images_eval/);
});

test("CIFAR-10: batches and archives that are damaged", async () => {
  const cut = fileFolder("cifar-cut", "cifar10/data_batch_1.bin", new Uint8Array(3072));
  put(join(cut, "cifar10", "test_batch.bin"), new Uint8Array(3073));
  await refused(
    train("cifar10", "--data-dir", cut),
    /data_batch_1\.bin: it has 3072 bytes, expected a multiple of 3073/,
  );
  put(join(cut, "cifar10", "data_batch_1.bin"), new Uint8Array(3073).fill(10));
  await refused(train("cifar10", "--data-dir", cut), /label 0 \(byte 0\) is 10, expected 0 to 9/);
  const tar = fileFolder("cifar-tar", "cifar10/cifar-10-binary.tar.gz", gzipSync(images));
  await refused(train("cifar10", "--data-dir", tar), /binary\.tar\.gz: tar archive: /);
});

test("faces: arrays that are damaged, and none", async () => {
  const array = npyFile(npyDictionary([20, 8, 8, 3]), new Uint8Array(20 * 192));
  for (const [name, bytes, pattern] of [
    ["object", npyFile(npyDictionary([20, 8, 8, 3]).replace("|u1", "|O"), array), /dtype "\|O"/],
    ["cut", array.subarray(0, 1000), /ends after 1000 bytes, expected 3968 for 20×8×8×3/],
    ["bomb", gzipSync(joined([array, new Uint8Array(5e7)])), /inflates beyond the 3968 bytes/],
    ["huge", npyFile(npyDictionary([2 ** 40, 64, 64, 3]), array), /more than the 1073741824 bytes/],
  ] as const) {
    const place = fileFolder(`faces-${name}`, "faces/celeba.npy", bytes);
    const line = new RegExp(`celeba\\.npy: .*${pattern.source}`);
    await refused(train("faces", "--data-dir", place), line);
  }
  const online = { LATENTGRAD_OFFLINE: "" };
  await refused(train("anime"), /lacks anime\*\.npy or anime.*; it is never downloaded/, online);
});

const grey: PngKind = { width: 8, height: 8, depth: 8, colourType: 0, pixel: (x, y) => [x * y] };
const end = chunk("IEND");

/** A folder of 20 sound pictures, and one more that sorts before the last. */
async function pictureFolder(name: string, bytes?: Uint8Array): Promise<string> {
  const place = join(folder, `png-${name}`);
  const sound = await pngFile(grey);
  for (let i = 0; i < 20; i++) put(join(place, i % 2 ? "odd" : "even", `${10 + i}.png`), sound);
  if (bytes !== undefined) put(join(place, "odd", "28.png"), bytes);
  return place;
}

test("PNG: damaged and hostile pictures", async () => {
  const rows = chunk("IDAT", await deflated(rawRows(grey)));
  const bomb = chunk("IDAT", await deflated(new Uint8Array(50e6)));
  const sound = await pngFile(grey);
  const flipped = sound.slice();
  flipped[45]! ^= 1;
  const wide = header({ ...grey, width: 65535, height: 65535 });
  for (const [name, bytes, pattern] of [
    ["text", new TextEncoder().encode("not a picture"), /a text, expected a PNG or JPEG picture/],
    [
      "wide",
      joined([signature, wide, rows, end]),
      /65535×65535 pixels, expected at most 67108864 in all/,
    ],
    [
      "bomb",
      joined([signature, header({ ...grey, interlaced: true }), bomb, end]),
      /inflate beyond the \d+ bytes/,
    ],
    ["cut", sound.subarray(0, sound.length - 15), /ends at byte \d+/],
    ["crc", flipped, /wrong checksum \(CRC\) of the chunk IDAT/],
    [
      "size",
      await pngFile({ ...grey, width: 9 }),
      /9×8 pixels, .*even.10\.png has 8×8; .* --size 8x8 brings all to that one/,
    ],
  ] as const) {
    const place = await pictureFolder(name, bytes);
    await refused(train(`folder:${place}`), new RegExp(`odd.28\\.png: .*${pattern.source}`));
  }
});

test("PNG: folders that hold no set", async () => {
  const empty = join(folder, "empty");
  mkdirSync(empty);
  await refused(train(`folder:${empty}`), /empty: nothing in it; expected pictures/);
  await refused(train(`folder:${join(folder, "nowhere")}`), /nowhere: no such folder/);
});

for (const runtime of ["node", "chrome"] as const) {
  test(`${runtime}: trains on a folder of pictures`, async () => {
    const place = await pictureFolder(`sound-${runtime}`);
    const run = join(folder, `run-${runtime}`);
    const small = [
      "--epochs",
      "1",
      "--batch",
      "4",
      "--set",
      "network=dense",
      "--set",
      "width=0.05",
    ];
    const args = ["train", "vae", "--data", `folder:${place}`, "--out", run, ...small];
    // The browser is unpacked into the cache: the one that other tests use.
    const home = process.env.XDG_CACHE_HOME ?? "";
    const env = { XDG_CACHE_HOME: home };
    const { status, stderr } = await latentgrad([...args, "--runtime", runtime], env);
    assert.is(status, 0, stderr);
    const config = readFileSync(join(run, "config.json"), "utf8");
    assert.match(config, /"height": 8,\s*"width": 8,\s*"channels": 1/);
    assert.ok(config.includes(JSON.stringify(`folder:${place}`)), config);
  });
}

const server = await startFileServer();
test.after(() => server.close());
const mirrored = { LATENTGRAD_OFFLINE: "", LATENTGRAD_MIRROR: `${server.url}/sets` };
const first = mnist.files[0]!;
const zeros = new Uint8Array(first.bytes);
const cached = () => (existsSync(join(cache, "mnist")) ? readdirSync(join(cache, "mnist")) : []);

test("download: a file that is not there", async () => {
  const what =
    /data set mnist: .*mnist lacks train-images-idx3-ubyte\.gz, .*; cannot download http:\/\/127\.0\.0\.1:\d+\/sets\/mnist\/train-images-idx3-ubyte\.gz: the server answers with status 404; put .*--data-dir/;
  await refused(train("mnist"), what, mirrored);
  assert.equal(server.asked, ["/sets/mnist/train-images-idx3-ubyte.gz whole"]);
  assert.equal(cached(), []);
});

test("download: wrong bytes, too many bytes", async () => {
  server.answer = serve(zeros);
  await refused(train("mnist"), /its SHA-256 is not 440fcabf/, mirrored);
  assert.equal(cached(), [], "what had arrived is removed");
  server.answer = (_, response) => response.writeHead(200).end(new Uint8Array(first.bytes + 1));
  await refused(train("mnist"), /sends more than the 9912422 bytes/, mirrored);
  assert.equal(cached(), []);
});

test("download: a server that breaks off is asked three times, and what came is kept", async () => {
  server.asked.length = 0;
  const part = join(cache, "mnist", `${first.name}.part`);
  server.answer = breakAfter(zeros, 1e6, () => (existsSync(part) ? statSync(part).size : 0));
  await refused(train("mnist"), /broke .*\(3 tries; 3000000 of 9912422 bytes are kept/, mirrored);
  assert.equal(
    server.asked.map((line) => line.split(" ")[1]),
    ["whole", "bytes=1000000-", "bytes=2000000-"],
  );
  assert.equal(cached(), ["train-images-idx3-ubyte.gz.part"]);
  // It then ignores ranges, and the whole comes anew.
  server.answer = (_, response) => response.writeHead(200).end(zeros);
  await refused(train("mnist"), /its SHA-256 is not/, mirrored);
  assert.is(server.asked.at(-1), "/sets/mnist/train-images-idx3-ubyte.gz bytes=3000000-");
  assert.equal(cached(), []);
});

test("download: without network, or forbidden to use it, at once", async () => {
  const started = performance.now();
  const nowhere = { LATENTGRAD_OFFLINE: "", LATENTGRAD_MIRROR: "http://no-such-host.invalid" };
  await refused(train("mnist"), /the host is not found/, nowhere);
  server.asked.length = 0;
  const offline = { ...mirrored, LATENTGRAD_OFFLINE: "1" };
  await refused(train("mnist"), /LATENTGRAD_OFFLINE forbids/, offline);
  assert.equal(server.asked, []);
  assert.ok(performance.now() - started < 20_000);
});

/** The folder of the real files, where there is one. */
const real = [process.env.LATENTGRAD_DATA, join("..", "shared", "data")].find(
  (path) => path && existsSync(join(path, "mnist")),
);

test("download: the whole set, over connections that break, with plain lines", async () => {
  if (real === undefined) return skip("no MNIST files in $LATENTGRAD_DATA or ../shared/data");
  let broken = 0;
  server.answer = (request, response) => {
    const bytes = readFileSync(join(real, "mnist", request.url?.split("/").at(-1) ?? ""));
    const answer = bytes.length > 1e6 && broken++ < 2 ? breakAfter(bytes, 4e5) : serve(bytes);
    answer(request, response);
  };
  const args = ["datasets", "--download", "mnist"];
  const { status, stdout, stderr } = await latentgrad(args, mirrored);
  assert.is(status, 0, stderr);
  assert.match(stdout, /^mnist .*\n {2}state {4}in the cache\n {2}folder {3}.*\/data\/mnist\n/);
  assert.is(stderr.split("\n").filter((line) => line.startsWith("downloaded ")).length, 4);
  assert.ok(stderr.split("\n").length < 12, stderr);
  assert.equal(cached(), mnist.files.map(({ name }) => name).sort());
});

test.run();
