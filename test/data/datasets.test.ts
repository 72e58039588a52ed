import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadDataset } from "../../src/data/datasets.ts";
import { type Download, dataFolder } from "../../src/data/files.ts";
import { DataError, UsageError } from "../../src/gpu/errors.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("datasets");

function idx(shape: number[]): Uint8Array {
  const count = shape.reduce((a, b) => a * b);
  const head = [0, 0, 8, shape.length, ...shape.flatMap((size) => [0, 0, size >> 8, size & 255])];
  return Uint8Array.from([...head, ...Array.from({ length: count }, (_, i) => i % 10)]);
}

/** A tiny MNIST below /d, uncompressed. */
function mnistHost(): MemoryHost {
  const host = new MemoryHost({ LATENTGRAD_DATA: "/d" });
  host.put("/d/mnist/train-images-idx3-ubyte", idx([30, 28, 28]));
  host.put("/d/mnist/train-labels-idx1-ubyte", idx([30]));
  host.put("/d/mnist/t10k-images-idx3-ubyte", idx([20, 28, 28]));
  host.put("/d/mnist/t10k-labels-idx1-ubyte", idx([20]));
  return host;
}

test("finds the data folder: option, then environment, then cache", () => {
  const host = new MemoryHost();
  assert.is(dataFolder({ host }), "/cache/data");
  host.env.LATENTGRAD_DATA = "/d";
  assert.is(dataFolder({ host }), "/d");
  assert.is(dataFolder({ host, dataDir: "here" }), "here");
});

test("loads IDX files into splits", async () => {
  const data = await loadDataset("mnist", { host: mnistHost() });
  assert.equal([data.train.count, data.test.count], [30, 20]);
  assert.equal([data.height, data.width, data.channels, data.classes], [28, 28, 1, 10]);
  assert.is(data.train.images.length, 30 * 784);
  assert.equal([...data.test.labels.subarray(0, 3)], [0, 1, 2]);
});

test("an unknown name is a usage error with a suggestion and the list", async () => {
  const load = (name: string) => () => loadDataset(name, { host: new MemoryHost() });
  await rejects(
    load("minst"),
    UsageError,
    /unknown data set "minst" \(did you mean mnist\?\); there/,
  );
  const list =
    /"zzz"; there are glyphs, shapes, tones, synthetic-8, synthetic-16, mnist, fashion-mnist, omniglot, omniglot-rotated, cifar10, faces, anime, folder:PATH, idx:PATH$/;
  await rejects(load("zzz"), UsageError, list);
});

test("what the data folder lacks is taken from the cache", async () => {
  const host = mnistHost();
  const name = "mnist/t10k-labels-idx1-ubyte";
  host.put(`/cache/data/${name}`, host.files.get(`/d/${name}`)!);
  host.files.delete(`/d/${name}`);
  assert.is((await loadDataset("mnist", { host })).test.count, 20);
  assert.equal(host.asked, []);
});

test("what is nowhere is downloaded into the cache, with progress", async () => {
  const host = mnistHost();
  const labels = host.files.get("/d/mnist/t10k-labels-idx1-ubyte")!;
  host.files.delete("/d/mnist/t10k-labels-idx1-ubyte");
  const url = "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz";
  host.remote = (address, pin) => {
    assert.is(address, url);
    assert.is(pin.bytes, 4542);
    return labels;
  };
  const reports: Download[] = [];
  const onDownload = (download: Download) => reports.push(download);
  await loadDataset("mnist", { host, onDownload });
  assert.ok(host.files.has("/cache/data/mnist/t10k-labels-idx1-ubyte.gz"));
  assert.equal(reports[0], { url, received: 0, total: 4542, done: false });
  assert.equal(reports.at(-1), { url, received: 4542, total: 4542, done: true });
  await loadDataset("mnist", { host });
  assert.is(host.asked.length, 1, "the second time it is there");
});

test("a mirror stands in for the publisher", async () => {
  for (const mirror of ["http://127.0.0.1:8000/sets", "http://127.0.0.1:8000/sets//"]) {
    const host = new MemoryHost({ LATENTGRAD_MIRROR: mirror });
    host.remote = () => undefined;
    const url = "http://127.0.0.1:8000/sets/fashion-mnist/train-images-idx3-ubyte.gz";
    await rejects(() => loadDataset("fashion-mnist", { host }), DataError, new RegExp(url));
    assert.equal(host.asked, [url]);
  }
  for (const mirror of ["127.0.0.1:8000", "file:///x", "http://", "https://a b/"]) {
    const host = new MemoryHost({ LATENTGRAD_MIRROR: mirror });
    const load = () => loadDataset("mnist", { host });
    await rejects(load, UsageError, /^LATENTGRAD_MIRROR is ".*", expected an address/);
  }
});

test("files that cannot be had are named with the place to put them", async () => {
  const host = new MemoryHost();
  host.remote = () => undefined;
  const load = () => loadDataset("fashion-mnist", { host, dataDir: "/d" });
  await rejects(
    load,
    DataError,
    /\/d\/fashion-mnist lacks train-images-idx3-ubyte\.gz, .*; cannot download http:.*; put the original files there, .*--data-dir/,
  );
  const offline = mnistHost();
  offline.files.delete("/d/mnist/t10k-labels-idx1-ubyte");
  offline.env.LATENTGRAD_OFFLINE = "1";
  const pattern = /\/d\/mnist lacks t10k-labels-idx1-ubyte\.gz; LATENTGRAD_OFFLINE forbids .*; put/;
  await rejects(() => loadDataset("mnist", { host: offline }), DataError, pattern);
  assert.equal(offline.asked, []);
  offline.env.LATENTGRAD_OFFLINE = "0";
  offline.remote = () => undefined;
  await rejects(() => loadDataset("mnist", { host: offline }), DataError, /cannot download/);
});

test("IDX files are found under the names and in the folders that unpackers give them", async () => {
  const own = mnistHost();
  const rename = (change: (name: string) => string) => {
    const host = new MemoryHost({ LATENTGRAD_DATA: "/d" });
    for (const [path, bytes] of own.files) host.put(change(path), bytes);
    return host;
  };
  const dot = (path: string) => path.replace(/-(idx\d-ubyte)$/, ".$1");
  for (const change of [
    dot,
    (path: string) => path.replace("/mnist/", "/MNIST/raw/"),
    (path: string) => dot(path.replace("/mnist/", "/mnist/raw/")),
    (path: string) => path.replace(/\/([^/]*)$/, "/$1/$1"),
  ]) {
    const host = rename(change);
    const data = await loadDataset("mnist", { host });
    assert.equal([data.train.count, data.test.count, host.asked.length], [30, 20, 0]);
  }
});

test("what lies in the place of a set is named, and nothing is downloaded", async () => {
  const text = (content: string) => new TextEncoder().encode(content);
  for (const [name, files, pattern] of [
    [
      "mnist",
      { "mnist/mnist.npz": Uint8Array.of(0x50, 0x4b, 3, 4) },
      /^data set mnist: \/d\/mnist has mnist\.npz \(a ZIP archive\); train-images-idx3-ubyte\.gz … .* \(4 files\) wanted there, nothing was downloaded$/,
    ],
    [
      "mnist",
      { "mnist/mnist_train.csv": text("5,0,0"), "mnist/README.md": text("# train") },
      /mnist has mnist_train\.csv \(a text\); train/,
    ],
    [
      "mnist",
      { "train-images-idx3-ubyte.gz": text("") },
      /train-images-idx3-ubyte\.gz lies in \/d itself, and belongs into \/d\/mnist; train/,
    ],
    [
      "cifar10",
      {
        "cifar10/data_batch_1": Uint8Array.of(0x80, 4, 0x95),
        "cifar10/test_batch": Uint8Array.of(0x80, 2, 0x7d),
      },
      /cifar10 has data_batch_1 \(a Python pickle\), test_batch .*: the Python version, and the binary one is needed; data_batch_1\.bin\.gz … /,
    ],
    [
      "cifar10",
      { "cifar10/cifar-10-batches-py/batches.meta": text("") },
      /cifar-10-batches-py \(a folder\): the Python version/,
    ],
    [
      "omniglot",
      { "omniglot/images_background/Greek/1.png": text("") },
      /images_background \(a folder\)/,
    ],
  ] as const) {
    const host = new MemoryHost({ LATENTGRAD_DATA: "/d" });
    for (const [path, bytes] of Object.entries(files)) host.put(`/d/${path}`, bytes);
    const error = await rejects(() => loadDataset(name, { host }), DataError, pattern);
    assert.equal(host.asked, [], error.message);
  }
});

test("parts that do not agree are refused", async () => {
  const host = mnistHost();
  host.put("/d/mnist/t10k-images-idx3-ubyte", idx([20, 27, 28]));
  const load = () => loadDataset("mnist", { host });
  await rejects(load, DataError, /t10k-images.*27×28, expected 28×28/);
  host.put("/d/mnist/train-labels-idx1-ubyte", idx([31]));
  await rejects(load, DataError, /train-labels.*31 labels, expected 30/);
});

test.run();
