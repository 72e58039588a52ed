/** Data sets from the bytes of files, as a page has them. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cifarSet, idxSet, npySet } from "../../src/data/byte-sets.ts";
import { DataError, UsageError } from "../../src/gpu/errors.ts";
import { gzipped, idxFile } from "../support/idx-file.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("data sets of bytes");

/** Images of 2×2 pixels with these labels. */
const pair = (...labels: number[]) => ({
  images: idxFile(
    [labels.length, 2, 2],
    Uint8Array.from({ length: 4 * labels.length }, (_, i) => i),
  ),
  labels: idxFile([labels.length], Uint8Array.from(labels)),
});

test("IDX files become a set, with their parts or a tenth for testing", async () => {
  const { images, labels } = pair(7, 3, 7);
  const train = { images: await gzipped(images), labels };
  const set = await idxSet({ train, test: pair(3), validation: pair(7) }, { name: "digits" });
  assert.equal([set.name, set.height, set.width, set.channels], ["digits", 2, 2, 1]);
  assert.equal([set.classes, set.classNames], [2, ["3", "7"]]);
  assert.equal([...set.train.images], [...Array(12).keys()]);
  assert.equal([...set.train.labels], [1, 0, 1]);
  assert.equal([set.test.count, set.validation?.count], [1, 1]);
  const alone = await idxSet({ train });
  assert.equal([alone.name, alone.train.count, alone.test.count], ["idx", 2, 1]);
  assert.is(alone.validation, undefined);
});

test("what is wrong with IDX files names the file and the byte", async () => {
  const { images, labels } = pair(1, 2);
  const set = (parts: object) => () => idxSet(parts as Parameters<typeof idxSet>[0]);
  const cut = images.subarray(0, -1);
  await rejects(
    set({ train: { images: cut, labels } }),
    DataError,
    /^train\.images: ends after 23 bytes, expected 24 /,
  );
  await rejects(
    set({ train: { images, labels }, test: pair(5) }),
    DataError,
    /^test\.labels: label 0 is 5, which none in train\.labels is$/,
  );
  await rejects(
    set({ train: { images, labels: pair(1).labels } }),
    DataError,
    /^train\.labels: 1 labels, expected 2 as in train\.images$/,
  );
  await rejects(set({ train: { images } }), UsageError, /^idxSet: parts\.train has no labels/);
  await rejects(set({ train: { images: [1], labels } }), UsageError, /^idxSet: train\.images is /);
});

test("an array of NumPy's becomes a set of one class", async () => {
  const header = "{'descr': '|u1', 'fortran_order': False, 'shape': (20, 1, 2, 3), }\n";
  const head = [0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, header.length, 0];
  const pixels = Uint8Array.from({ length: 120 }, (_, i) => i);
  const bytes = Uint8Array.from([...head, ...new TextEncoder().encode(header), ...pixels]);
  for (const file of [bytes, await gzipped(bytes)]) {
    const set = await npySet(file, { name: "own" });
    assert.equal([set.name, set.height, set.width, set.channels], ["own", 1, 2, 3]);
    assert.equal([set.train.count, set.test.count, set.classNames], [18, 2, ["picture"]]);
    const all = [...set.train.images, ...set.test.images].sort((a, b) => a - b);
    assert.equal(all, [...pixels]);
  }
  await rejects(() => npySet(pixels), DataError, /^images: byte 0 is not that of an \.npy file$/);
});

test("batches of CIFAR-10 become a set, channels last", async () => {
  const record = (label: number) => {
    const planes = [10, 20, 30].flatMap((value) => Array<number>(32 * 32).fill(value));
    return Uint8Array.from([label, ...planes]);
  };
  const set = await cifarSet({ train: [record(2), await gzipped(record(9))], test: [record(0)] });
  assert.equal([set.name, set.height, set.width, set.channels], ["cifar10", 32, 32, 3]);
  assert.equal([...set.train.labels, ...set.test.labels], [2, 9, 0]);
  assert.equal([...set.train.images.subarray(0, 4)], [10, 20, 30, 10]);
  const wrong = { train: [record(1)], test: [record(10)] };
  await rejects(() => cifarSet(wrong), DataError, /^test\[0\]: label 0 \(byte 0\) is 10, /);
  const none = { train: [], test: [record(1)] };
  await rejects(() => cifarSet(none), UsageError, /^cifarSet: parts\.train has no batches$/);
});

test.run();
