import { suite } from "uvu";
import * as assert from "uvu/assert";
import { dataFolder, loadDataset } from "../../src/data/datasets.ts";
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
  await rejects(load("zzz"), UsageError, /"zzz"; there are glyphs, mnist, fashion-mnist$/);
});

test("missing files are named with the place to put them", async () => {
  const host = new MemoryHost();
  const load = () => loadDataset("fashion-mnist", { host, dataDir: "/d" });
  await rejects(
    load,
    DataError,
    /\/d\/fashion-mnist lacks train-images-idx3-ubyte\.gz, .*--data-dir/,
  );
  const most = mnistHost();
  most.files.delete("/d/mnist/t10k-labels-idx1-ubyte");
  const pattern = /\/d\/mnist lacks t10k-labels-idx1-ubyte\.gz; put/;
  await rejects(() => loadDataset("mnist", { host: most }), DataError, pattern);
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
