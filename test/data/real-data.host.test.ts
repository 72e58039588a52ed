import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadDataset } from "../../src/data/datasets.ts";
import { fashionMnist, mnist } from "../../src/data/sources.ts";
import type { Dataset, Labels } from "../../src/data/types.ts";
import { createNodeHost } from "../../src/host/node.ts";
import { skip } from "../support/skip.ts";

/** The folder that holds the real files of a set, where there is one. */
const folderOf = (set: string) =>
  [process.env.LATENTGRAD_DATA, join("..", "shared", "data")].find(
    (path) => path !== undefined && existsSync(join(path, set)),
  );

const folder = folderOf("fashion-mnist");

/** 255 times the part of Omniglot's pixels, 105×105 in each picture, that is ink: 28,814,268 of all. */
const INK = 20.5315;

const test = suite("real data");

/** A test of a set's real files, in a folder of that name. */
function real(set: string, what: string, check: (dataDir: string) => Promise<void>): void {
  test(`${set}: ${what}`, () => {
    const dataDir = folderOf(set);
    if (dataDir === undefined) {
      return skip(`no ${set}/ in $LATENTGRAD_DATA or ../shared/data`);
    }
    return check(dataDir);
  });
}

const load = async (name: string, dataDir: string) =>
  loadDataset(name, { host: await createNodeHost(), dataDir });

/** Mean of all samples of both parts. */
function mean({ train, test }: Dataset): number {
  let sum = 0;
  for (const { images } of [train, test]) for (const value of images) sum += value;
  return sum / (train.images.length + test.images.length);
}

const histogram = (labels: Labels) =>
  Array.from({ length: 10 }, (_, label) => labels.filter((other) => other === label).length);

real("omniglot", "50 alphabets by 20 people, each style and character trained on", async (from) => {
  const data = await load("omniglot", from);
  assert.equal([data.train.count, data.test.count, data.classes], [29_214, 3_246, 1_623]);
  assert.equal([data.height, data.width, data.channels], [28, 28, 1]);
  assert.equal(data.classNames[0], "Alphabet_of_the_Magi/character01");
  assert.is(new Set(data.train.labels).size, 1_623);
  assert.is(new Set(data.test.labels).size, 1_623);
  for (const [i, classes] of [1000, 50, 20].entries()) {
    const attribute = data.attributes![i]!;
    assert.is(attribute.classes, classes);
    assert.is(new Set(data.train.attributes![attribute.name]).size, classes, attribute.name);
  }
  assert.ok(Math.abs(mean(data) - INK) < 0.01, `${mean(data)}`);
});

real("omniglot", "turned by quarters", async (from) => {
  const data = await load("omniglot-rotated", from);
  assert.equal([data.train.count, data.test.count, data.classes], [116_856, 12_984, 6_492]);
  assert.is(new Set(data.train.labels).size, 6_492);
  assert.ok(Math.abs(mean(data) - INK) < 0.01, `${mean(data)}`);
});

real("cifar10", "the published labels, in their order", async (from) => {
  const data = await load("cifar10", from);
  assert.equal([data.height, data.width, data.channels, data.classes], [32, 32, 3, 10]);
  const first = data.train.labels.subarray(0, 10_000);
  assert.equal(histogram(first), [1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981]);
  assert.equal(histogram(data.test.labels), new Array(10).fill(1000));
  assert.is(data.classNames[data.train.labels[0]!], "frog");
  assert.is(data.classNames[data.test.labels[0]!], "cat");
  // The first pixel of the first training image, as the record has it.
  assert.equal([...data.train.images.subarray(0, 3)], [59, 62, 63]);
});

for (const [name, expected] of [
  ["faces", 110.549],
  ["anime", 156.231],
] as const) {
  real("faces", `${name} has the known size and mean`, async (from) => {
    const data = await load(name, from);
    assert.equal([data.train.count, data.test.count, data.classes], [4_500, 500, 1]);
    assert.equal([data.height, data.width, data.channels], [32, 32, 3]);
    assert.ok(Math.abs(mean(data) - expected) < 1e-3, `${mean(data)}`);
  });
}

if (folder === undefined) {
  test("real files", () => {
    skip("no MNIST files in $LATENTGRAD_DATA or ../shared/data");
  });
} else {
  for (const { name, files } of [mnist, fashionMnist]) {
    test(`${name} has the pinned sizes and hashes`, () => {
      for (const file of files) {
        const bytes = readFileSync(join(folder, name, file.name));
        assert.is(bytes.length, file.bytes);
        assert.is(createHash("sha256").update(bytes).digest("hex"), file.sha256, file.name);
      }
    });
  }

  for (const [name, mean, first] of [
    ["fashion-mnist", 72.9404, 9],
    ["mnist", 33.3184, 5],
  ] as const) {
    test(`${name} has the published size and mean pixel`, async () => {
      const data = await loadDataset(name, { host: await createNodeHost(), dataDir: folder });
      assert.equal([data.train.count, data.test.count], [60_000, 10_000]);
      assert.equal([data.height, data.width], [28, 28]);
      const total = (data.train.images as Uint8Array).reduce((sum, value) => sum + value, 0);
      assert.ok(Math.abs(total / data.train.images.length - mean) < 1e-4);
      assert.is(data.train.labels[0], first);
    });
  }
}

test.run();
