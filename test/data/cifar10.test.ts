import { gzipSync } from "fflate";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readCifarBatch } from "../../src/data/cifar10.ts";
import { loadDataset } from "../../src/data/datasets.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { joined } from "../support/png-file.ts";
import { rejects } from "../support/rejects.ts";
import { tarFile } from "../support/tar-file.ts";

const test = suite("cifar10");

/** Records of these labels; a sample tells its image, its channel and its place. */
function batch(labels: readonly number[]): Uint8Array<ArrayBuffer> {
  return joined(
    labels.map((label, i) => {
      const samples = Array.from({ length: 3072 }, (_, at) => i + 50 * Math.floor(at / 1024) + at);
      return Uint8Array.from([label, ...samples]);
    }),
  );
}

/** A host with files below /d/cifar10. */
function withFiles(files: Record<string, Uint8Array>): MemoryHost {
  const host = new MemoryHost({ LATENTGRAD_DATA: "/d", LATENTGRAD_OFFLINE: "1" });
  for (const [name, bytes] of Object.entries(files)) host.put(`/d/cifar10/${name}`, bytes);
  return host;
}

/** The whole set as it is published: a batch of label i − 1 for each, and one to test. */
function archive(folder = "cifar-10-batches-bin"): Uint8Array {
  const batches = [1, 2, 3, 4, 5].map(
    (i) => [`${folder}/data_batch_${i}.bin`, batch([i - 1])] as const,
  );
  const names = new TextEncoder().encode("airplane\n");
  return gzipSync(
    tarFile([
      [`${folder}/`, new Uint8Array()],
      [`${folder}/batches.meta.txt`, names],
      ...batches,
      [`${folder}/test_batch.bin`, batch([9, 8])],
    ]),
  );
}

test("planes of red, green and blue become pixels", async () => {
  const plain = batch([3, 9]);
  for (const bytes of [plain, gzipSync(plain)]) {
    const { images, labels } = await readCifarBatch(bytes, "x");
    assert.equal([...labels], [3, 9]);
    assert.is(images.length, 2 * 3072);
    for (const [i, p, c] of [
      [0, 0, 0],
      [0, 5, 2],
      [1, 1023, 1],
    ] as const) {
      assert.is(images[i * 3072 + p * 3 + c], (i + 50 * c + 1024 * c + p) & 255);
    }
  }
});

test("refuses sizes and labels that cannot be, also within gzip", async () => {
  const plain = batch([3, 9]);
  const refused = (bytes: Uint8Array, pattern: RegExp) =>
    rejects(() => readCifarBatch(bytes, "x.bin"), DataError, pattern);
  await refused(new Uint8Array(), /^x\.bin: this is an empty file, expected a batch of CIFAR-10/);
  await refused(plain.subarray(1), /it has 6145 bytes, expected a multiple of 3073/);
  await refused(joined([plain, Uint8Array.of(1)]), /it has 6147 bytes, expected/);
  await refused(batch([3, 10]), /^x\.bin: label 1 \(byte 3073\) is 10, expected 0 to 9$/);
  const packed = gzipSync(plain);
  await refused(gzipSync(plain.subarray(1)), /declares \(cut off\?\) 6145 bytes/);
  for (let length = 3; length < packed.length; length += 7) {
    await refused(packed.subarray(0, length), /^x\.bin: /);
  }
  const bomb = gzipSync(new Uint8Array(3073 * 20_000));
  new DataView(bomb.buffer).setUint32(bomb.length - 4, 3073, true);
  await refused(bomb, /inflates beyond the 3073 bytes that it declares|broken or truncated gzip/);
  const claim = packed.slice();
  new DataView(claim.buffer).setUint32(claim.length - 4, 3073 * 100_000, true);
  await refused(claim, /declares 307300000 bytes, more than \d+ compressed bytes can hold/);
  new DataView(claim.buffer).setUint32(claim.length - 4, 3073 * 1_000_000, true);
  await refused(claim, /3073000000 bytes, expected a multiple of 3073 up to 536870912/);
});

test("trains on as many batches as are there, in their order", async () => {
  const files = {
    "data_batch_4.bin": batch([4]),
    "data_batch_2.bin.gz": gzipSync(batch([2, 2])),
    "test_batch.bin": batch([9]),
  };
  const host = withFiles(files);
  const data = await loadDataset("cifar10", { host });
  assert.equal([...data.train.labels], [2, 2, 4]);
  assert.equal([...data.test.labels], [9]);
  assert.equal([data.height, data.width, data.channels, data.classes], [32, 32, 3, 10]);
  assert.is(data.classNames[9], "truck");
  assert.is(data.train.images.length, 3 * 3072);
  assert.equal(host.asked, []);
});

test("too few files: one line that names them", async () => {
  for (const [files, lacks] of [
    [
      {},
      /\/d\/cifar10 lacks data_batch_1\.bin\.gz … test_batch\.bin\.gz \(6 files\); LATENTGRAD_OFFLINE/,
    ],
    [
      { "data_batch_1.bin": batch([1]) },
      /lacks data_batch_2\.bin\.gz … test_batch\.bin\.gz \(5 files\); /,
    ],
    [{ "test_batch.bin": batch([1]) }, /lacks data_batch_1.*data_batch_5\.bin\.gz \(5 files\); /],
  ] as const) {
    const load = () => loadDataset("cifar10", { host: withFiles(files) });
    await rejects(load, DataError, lacks);
  }
});

test("the official archive is unpacked into the cache", async () => {
  const host = withFiles({ "cifar-10-binary.tar.gz": archive() });
  const data = await loadDataset("cifar10", { host });
  assert.equal([...data.train.labels], [0, 1, 2, 3, 4]);
  assert.equal([...data.test.labels], [9, 8]);
  const cached = host.paths().filter((path) => path.startsWith("/cache/"));
  assert.is(cached.length, 6);
  assert.is(cached[0], "/cache/data/cifar10/data_batch_1.bin");
  assert.ok(host.files.has("/d/cifar10/cifar-10-binary.tar.gz"), "what the user put stays");
  host.files.delete("/d/cifar10/cifar-10-binary.tar.gz");
  assert.is((await loadDataset("cifar10", { host })).train.count, 5);
});

test("the official archive is downloaded, unpacked and removed", async () => {
  const host = withFiles({ "test_batch.bin": batch([7]) });
  host.env.LATENTGRAD_OFFLINE = "";
  host.remote = (url, pin) => {
    assert.is(url, "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz");
    assert.equal([pin.bytes, pin.md5], [170_052_171, "c32a1d4ab5d03f1284b67883e8d87530"]);
    return archive();
  };
  const data = await loadDataset("cifar10", { host });
  assert.equal([...data.train.labels], [0, 1, 2, 3, 4]);
  assert.equal([...data.test.labels], [7], "the data folder comes first");
  assert.not(host.paths().some((path) => path.includes("tar")));
  host.env.LATENTGRAD_MIRROR = "http://127.0.0.1:1/sets";
  host.files.clear();
  host.remote = () => undefined;
  const pattern =
    /cannot download http:\/\/127\.0\.0\.1:1\/sets\/cifar10\/cifar-10-binary\.tar\.gz/;
  await rejects(() => loadDataset("cifar10", { host }), DataError, pattern);
});

test("refuses archives that are damaged or hold something else", async () => {
  const whole = archive();
  for (const [bytes, pattern] of [
    [whole.subarray(0, whole.length - 10), /^\/d\/cifar10\/cifar-10-binary\.tar\.gz: /],
    [whole.subarray(0, 10), /tar\.gz: 10 bytes, cut off/],
    [new TextEncoder().encode("no archive"), /tar\.gz: tar archive: truncated/],
    [archive("other"), /there is no cifar-10-batches-bin\/data_batch_1\.bin in it/],
    [
      gzipSync(tarFile([["../data_batch_1.bin", batch([1])]])),
      /tar\.gz: tar archive: unsafe path "\.\.\/data_batch_1/,
    ],
  ] as const) {
    const host = withFiles({ "cifar-10-binary.tar.gz": bytes });
    await rejects(() => loadDataset("cifar10", { host }), DataError, pattern);
    assert.not(host.paths().some((path) => path.startsWith("/cache")));
  }
});

test.run();
