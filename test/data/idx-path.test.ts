/** Any pair of IDX files as a set. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findDataset, loadDataset } from "../../src/data/datasets.ts";
import { namesOf, parseIdxName } from "../../src/data/idx-names.ts";
import type { Dataset } from "../../src/data/types.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { gzipped, idxFile } from "../support/idx-file.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("idx:PATH");

/** Images [count, 2, 3] whose first pixel is the image's number. */
const images = (count: number, [height, width] = [2, 3]) =>
  idxFile(
    [count, height!, width!],
    Array.from({ length: count * height! * width! }, (_, i) =>
      i % (height! * width!) ? 7 : i / (height! * width!),
    ),
  );
const labels = (...values: number[]) => idxFile([values.length], values);

function withFiles(files: Record<string, Uint8Array>): MemoryHost {
  const host = new MemoryHost();
  for (const [path, bytes] of Object.entries(files)) host.put(path, bytes);
  return host;
}

const load = (host: MemoryHost, path: string, notices: string[] = []) =>
  loadDataset(`idx:${path}`, { host, onNotice: (line) => notices.push(line) });

/** The numbers of a part's images. */
const numbers = ({ images: pixels, count }: Dataset["train"]) =>
  Array.from({ length: count }, (_, i) => pixels[6 * i]);

test("names say set, part and content", () => {
  for (const [name, stem, part, content] of [
    ["train-images-idx3-ubyte.gz", "", "train", "images"],
    ["t10k-labels.idx1-ubyte", "", "test", "labels"],
    ["emnist-letters-test-labels-idx1-ubyte", "emnist-letters", "test", "labels"],
    ["own_val_images.idx3", "own", "validation", "images"],
    ["pets.images.idx.gz", "pets", undefined, "images"],
    ["labels-idx1-ubyte", "", undefined, "labels"],
    ["trainlabels-ubyte", "", "train", "labels"],
  ] as const)
    assert.equal(parseIdxName(name), { stem, part, content }, name);
  for (const name of ["emnist-letters-mapping.txt", "images.png", "train.csv", "README"])
    assert.is(parseIdxName(name), undefined, name);
  const both = ["a-idx3-ubyte.gz", "a-idx3-ubyte", "a.idx3-ubyte.gz", "a.idx3-ubyte"];
  assert.equal(namesOf("a-idx3-ubyte.gz"), both);
  assert.equal(namesOf("images.zip"), ["images.zip"]);
});

test("labels may begin with any number, and any of them be missing", async () => {
  const host = withFiles({
    "/e/emnist-letters-train-images-idx3-ubyte.gz": await gzipped(images(5)),
    "/e/emnist-letters-train-labels-idx1-ubyte.gz": await gzipped(labels(26, 1, 3, 1, 255)),
    "/e/emnist-letters-test-images-idx3-ubyte": images(2),
    "/e/emnist-letters-test-labels-idx1-ubyte": labels(3, 255),
    "/e/emnist-letters-mapping.txt": new Uint8Array(),
  });
  const data = await load(host, "/e");
  assert.equal([data.name, data.classes, data.channels], ["idx-e", 4, 1]);
  assert.equal(data.classNames, ["1", "3", "26", "255"]);
  assert.equal([...data.train.labels], [2, 0, 1, 0, 3]);
  assert.equal([...data.test.labels], [1, 3]);
  assert.equal([data.height, data.width, data.test.count], [2, 3, 2]);
  host.put("/e/emnist-letters-test-labels-idx1-ubyte", labels(3, 4));
  await rejects(() => load(host, "/e"), DataError, /label 1 is 4, which none in \S+train-labels/);
});

test("of several sets in a folder one is named", async () => {
  const host = new MemoryHost();
  for (const set of ["emnist-letters", "emnist-digits"]) {
    host.put(`/e/${set}-train-images-idx3-ubyte`, images(set === "emnist-digits" ? 2 : 3));
    host.put(
      `/e/${set}-train-labels-idx1-ubyte`,
      labels(...(set === "emnist-digits" ? [1, 2] : [1, 2, 3])),
    );
  }
  await rejects(
    () => load(host, "/e"),
    DataError,
    /2 sets \(emnist-digits, emnist-letters\); name one, as idx:\/e\/emnist-digits$/,
  );
  assert.is((await load(host, "/e/emnist-letters")).classes, 3);
  const file = "/e/emnist-digits-train-images-idx3-ubyte";
  assert.is((await load(host, file)).classes, 2);
  await rejects(() => load(host, "/e/kmnist"), DataError, /no IDX files whose names begin so/);
  await rejects(() => load(host, "/none/x"), DataError, /no such folder, and no files whose names/);
});

test("without a test pair every tenth image of a class is for testing", async () => {
  const classes = Array.from({ length: 25 }, (_, i) => (i < 20 ? i % 2 : 9));
  const host = withFiles({ "/o/images.idx3": images(25), "/o/labels.idx1": labels(...classes) });
  const notices: string[] = [];
  const data = await load(host, "/o", notices);
  assert.equal(numbers(data.test), [18, 19]);
  assert.equal(data.train.count, 23);
  assert.match(notices.join(), /^\/o: no test pair; every tenth .* \(2 of 25\)$/);
  host.put("/o/images.idx3", images(3));
  host.put("/o/labels.idx1", labels(0, 1, 2));
  const few = await load(host, "/o");
  assert.equal([numbers(few.train), numbers(few.test)], [[0, 1], [2]]);
  host.put("/o/images.idx3", images(1));
  host.put("/o/labels.idx1", labels(0));
  await rejects(() => load(host, "/o"), DataError, /only one image, expected at least 2/);
});

test("a validation pair is the validation part, and raw/ is looked into", async () => {
  const host = withFiles({
    "/m/raw/train-images-idx3-ubyte": images(4),
    "/m/raw/train-labels-idx1-ubyte": labels(0, 1, 0, 1),
    "/m/raw/val-images-idx3-ubyte": images(2),
    "/m/raw/val-labels-idx1-ubyte": labels(1, 0),
    "/m/raw/t10k-images-idx3-ubyte": images(3),
    "/m/raw/t10k-labels-idx1-ubyte": labels(1, 0, 1),
  });
  const { train, validation, test: held } = await load(host, "/m");
  assert.equal([train.count, validation?.count, held.count], [4, 2, 3]);
});

test("what is missing or does not fit is said", async () => {
  const pair = {
    "/m/train-images-idx3-ubyte": images(2),
    "/m/train-labels-idx1-ubyte": labels(0, 1),
  };
  const refused = (files: Record<string, Uint8Array>, pattern: RegExp) =>
    rejects(() => load(withFiles({ ...pair, ...files }), "/m"), DataError, pattern);
  await refused(
    { "/m/t10k-images-idx3-ubyte": images(2) },
    /t10k-images-idx3-ubyte has no file of labels beside it \(test part\)/,
  );
  await refused(
    { "/m/t10k-labels-idx1-ubyte": labels(1) },
    /t10k-labels-idx1-ubyte has no file of images beside it/,
  );
  await refused(
    { "/m/t10k-images-idx3-ubyte": images(1, [3, 3]), "/m/t10k-labels-idx1-ubyte": labels(0) },
    /images of 3×3, expected 2×3 as in/,
  );
  await refused({ "/m/train-labels-idx1-ubyte": labels(0) }, /1 labels, expected 2 as in/);
  await refused(
    { "/m/train-images-idx3-ubyte": Uint8Array.of(0xff, 0xd8, 0xff, 0xe0) },
    /this is a JPEG picture, expected an IDX file/,
  );
  await refused({ "/m/train-images-idx3-ubyte": images(2, [5000, 1]) }, /5000×1 .* at most 4096/);
  const none = (paths: readonly string[], pattern: RegExp, path = "/n") =>
    rejects(
      () => load(withFiles(Object.fromEntries(paths.map((at) => [at, new Uint8Array()]))), path),
      DataError,
      pattern,
    );
  await none([], /^\/n: no such folder, and no files whose names begin so$/);
  await none(["/other"], /^\/no: no such folder, and/, "/no");
  await none(["/n/x"], /^\/n\/em: no IDX files whose names begin so$/, "/n/em");
  await none(["/n/.keep"], /^\/n: no IDX files in it, as train-images-idx3-ubyte\.gz and/);
  await none(
    ["/n/1.png", "/n/2.JPG", "/n/3.png"],
    /^\/n: no IDX files in it, but 2 \.png, 1 \.jpg; --data folder:\/n reads pictures$/,
  );
  await none(
    ["/n/cats/1.png"],
    /^\/n: no IDX files in it; cats has 1 \.png; --data folder:\/n reads pictures$/,
  );
  await none(
    ["/n/mnist.npz", "/n/readme.txt"],
    /^\/n: no IDX files in it, but 1 \.npz, 1 \.txt; \.npz is not read: np\.load and np\.save make/,
  );
  await none(
    ["/n/data/train-images-idx3-ubyte", "/n/data/train-labels-idx1-ubyte"],
    /^\/n: no IDX files in it; did you mean idx:\/n\/data\?$/,
  );
  await none(["/n/a.csv"], /but 1 \.csv; expected train-images-idx3-ubyte\.gz and train-labels/);
  await none(
    ["/n/mnist.npz"],
    /^\/n\/mnist\.npz: an empty file, not named as an IDX file; \.npz is not read/,
    "/n/mnist.npz",
  );
  const only = withFiles({
    "/m/t10k-images-idx3-ubyte": images(1),
    "/m/t10k-labels-idx1-ubyte": labels(0),
  });
  await rejects(() => load(only, "/m"), DataError, /no images to train on, only test/);
  assert.is(findDataset("idx:/a/emnist letters").label, "idx-emnist-letters");
});

test.run();
