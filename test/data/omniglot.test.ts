import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadDataset } from "../../src/data/datasets.ts";
import { splitTraining } from "../../src/data/splits.ts";
import type { Dataset, Split } from "../../src/data/types.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { character, drawing, omniglotZips } from "../support/omniglot-files.ts";
import { rejects } from "../support/rejects.ts";
import { type ZipPart, zipFile } from "../support/zip-file.ts";

const test = suite("omniglot");

/** A host with the archives below /d. */
function withZips({ background, evaluation } = omniglotZips()): MemoryHost {
  const host = new MemoryHost({ LATENTGRAD_DATA: "/d", LATENTGRAD_OFFLINE: "1" });
  host.put("/d/omniglot/images_background.zip", zipFile(background));
  host.put("/d/omniglot/images_evaluation.zip", zipFile(evaluation));
  return host;
}

const load = (name = "omniglot") => loadDataset(name, { host: withZips() });

/** Numbers of the values of an attribute. */
const histogram = (values: Iterable<number>) => {
  const counts: Record<number, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};

test("characters are classes in alphabetical order; two drawings of each are for testing", async () => {
  const data = await load();
  assert.equal([data.train.count, data.test.count], [72, 8]);
  assert.equal([data.height, data.width, data.channels, data.classes], [28, 28, 1, 4]);
  const names = ["Greek/character01", "Greek/character02", "Keble/character01"];
  assert.equal(data.classNames, [...names, "Tifinagh/character01"]);
  assert.equal(histogram(data.train.labels), { 0: 18, 1: 18, 2: 18, 3: 18 });
  assert.equal(histogram(data.test.labels), { 0: 2, 1: 2, 2: 2, 3: 2 });
  assert.equal([...data.train.labels.subarray(0, 6)], [0, 1, 2, 3, 0, 1], "of each class in turn");
});

test("the style is the alphabet and the drawer", async () => {
  const { attributes, train, test: held } = await load();
  assert.equal(
    attributes?.map(({ name, classes }) => [name, classes]),
    [
      ["style", 60],
      ["alphabet", 3],
      ["drawer", 20],
    ],
  );
  const drawings = new Set<string>();
  for (const { attributes: values, labels, count } of [train, held]) {
    const { style, alphabet, drawer } = values!;
    for (let i = 0; i < count; i++) {
      assert.is(alphabet![i], [0, 0, 1, 2][labels[i]!]);
      assert.is(style![i], 20 * alphabet![i]! + drawer![i]!);
      drawings.add(`${labels[i]} ${drawer![i]}`);
    }
  }
  assert.is(drawings.size, 80, "each drawing is in one part, once");
  assert.is(new Set(train.attributes!.drawer).size, 20);
  const firsts = new Set(train.attributes!.drawer!.subarray(0, 16));
  assert.ok(firsts.size > 6, "the first images are not all by the first drawers");
});

/** Where the ink of image i begins, in squares of 4 pixels, and how much there is. */
function inkOf({ images }: Split<Uint8Array>, i: number) {
  const image = images.subarray(i * 784, (i + 1) * 784);
  const rows = [...image].flatMap((value, at) => (value > 0 ? [Math.floor(at / 28)] : []));
  const columns = [...image].flatMap((value, at) => (value > 0 ? [at % 28] : []));
  const total = image.reduce((sum, value) => sum + value, 0);
  return { x: Math.min(...columns) / 4, y: Math.min(...rows) / 4, total };
}

test("ink is white, and 15 pixels become exactly 4", async () => {
  const { train } = (await load()) as Dataset<Uint8Array>;
  for (let i = 0; i < train.count; i++) {
    const row = [0, 1, 2, 3][train.labels[i]!];
    const column = train.attributes!.drawer![i]! % 6;
    assert.equal(inkOf(train, i), { x: column, y: row, total: 16 * 255 });
  }
});

test("rotated: three turns of every drawing are classes of their own", async () => {
  const plain = (await load()) as Dataset<Uint8Array>;
  const data = (await load("omniglot-rotated")) as Dataset<Uint8Array>;
  assert.equal([data.train.count, data.test.count, data.classes], [288, 32, 16]);
  assert.equal(data.classNames.slice(3, 6), [
    "Tifinagh/character01",
    "Greek/character01 90°",
    "Greek/character02 90°",
  ]);
  assert.is(data.classNames.at(-1), "Tifinagh/character01 270°");
  assert.is(data.attributes?.[0]?.classes, 60);
  assert.equal(
    [...data.train.labels.subarray(0, 16)],
    Array.from({ length: 16 }, (_, i) => i),
  );
  for (let i = 0; i < data.train.count; i++) {
    const [row, column] = [data.train.labels[i]! % 4, data.train.attributes!.drawer![i]! % 6];
    const [x, y] = [
      [column, row],
      [6 - row, column],
      [6 - column, 6 - row],
      [row, 6 - column],
    ][Math.floor(data.train.labels[i]! / 4)]!;
    assert.equal(inkOf(data.train, i), { x, y, total: 16 * 255 });
  }
  const drawn = ({ labels, attributes, count }: Split) =>
    Array.from({ length: count }, (_, i) => `${labels[i]! % 4} ${attributes!.drawer![i]}`);
  assert.equal(new Set(drawn(data.test)), new Set(drawn(plain.test)), "the same drawings");
});

test("rotated: no drawing that is validated on is trained on in another direction", async () => {
  const plain = await load();
  assert.is(plain.train.groups, undefined);
  const { train: all } = await load("omniglot-rotated");
  const { train, validation } = splitTraining(all, 5);
  assert.equal([train.length, validation.length], [260, 28]);
  const drawings = (indices: Uint32Array) =>
    new Set(Array.from(indices, (i) => `${all.labels[i]! % 4} ${all.attributes!.drawer![i]}`));
  const [seen, held] = [drawings(train), drawings(validation)];
  assert.equal([seen.size, held.size], [65, 7]);
  assert.not.ok([...held].some((drawing) => seen.has(drawing)));
});

test("the split depends on nothing but the characters", async () => {
  const [a, b] = [await load(), await load()];
  assert.equal(a, b);
  const drawers = a.test.attributes!.drawer!;
  assert.equal([...drawers], [...b.test.attributes!.drawer!]);
});

test("hidden files and macOS's own are left out", async () => {
  const zips = omniglotZips();
  const more: ZipPart[] = [
    { name: "__MACOSX/images_background/._Greek" },
    { name: "images_background/.DS_Store" },
  ];
  const host = withZips({ ...zips, background: [...zips.background, ...more] });
  assert.is((await loadDataset("omniglot", { host })).classes, 4);
});

test("refuses what is laid out in another way, naming the member", async () => {
  const zips = omniglotZips();
  const refused = (background: readonly ZipPart[], pattern: RegExp) => {
    const host = withZips({ ...zips, background: [...background] });
    return rejects(() => loadDataset("omniglot", { host }), DataError, pattern);
  };
  const place = "images_background/Greek/character01";
  const content = drawing(0, 0);
  const expected = /images_background\.zip: .*, expected images_background\/ALPHABET\/character/;
  for (const name of [
    "readme.txt",
    `${place}/more/0123_01.png`,
    `${place}/0123_1.png`,
    `${place}/0123_01.jpg`,
    "images_background/Greek/letter01/0123_01.png",
    "images_evaluation/Greek/character03/0123_01.png",
    "Greek/character03/0123_01.png",
  ]) {
    await refused([...zips.background, { name, content }], expected);
  }
  for (const drawer of ["00", "21"]) {
    const name = `${place}/0123_${drawer}.png`;
    await refused([...zips.background, { name, content }], /is by drawer \d+, expected 01 to 20/);
  }
  const twice = { name: `${place}/0999_07.png`, content };
  await refused([...zips.background, twice], /0999_07\.png is a second picture/);
  await refused(zips.background.slice(0, -1), /Tifinagh\/character01 lacks drawer 20/);
  await refused(
    [...zips.background, ...character("images_background", "Keble/character01", 0)],
    /images_evaluation\.zip: .*Keble.* is a second picture/,
  );
  const small = { name: `${place}/0123_03.png`, content: content.subarray(0, 60) };
  const others = zips.background.filter(({ name }) => name !== small.name);
  await refused([...others, small], /images_background\.zip: .*0123_03\.png: ends at byte 60/);
  const bomb = { ...small, content: new Uint8Array(1e5) };
  await refused([...others, bomb], /0123_03\.png: 100000 bytes, expected at most 65536/);
  const outside = { ...small, name: "../../etc/passwd" };
  await refused([...others, outside], /images_background\.zip: unsafe name "\.\.\/\.\.\/etc/);
});

test("archives without pictures, or that are missing", async () => {
  const nothing = withZips({ background: [], evaluation: [] });
  const empty = /images_background\.zip: no pictures in it/;
  await rejects(() => loadDataset("omniglot", { host: nothing }), DataError, empty);
  const host = withZips();
  host.files.delete("/d/omniglot/images_evaluation.zip");
  const lacks = /data set omniglot: \/d\/omniglot lacks images_evaluation\.zip; LATENTGRAD_OFFLINE/;
  await rejects(() => loadDataset("omniglot-rotated", { host }), DataError, lacks);
  host.env.LATENTGRAD_OFFLINE = "";
  host.remote = (url, pin) => {
    assert.is(
      url,
      "https://github.com/brendenlake/omniglot/raw/master/python/images_evaluation.zip",
    );
    assert.equal([pin.bytes, pin.md5], [6_462_886, "6b91aef0f799c5bb55b94e3f2daec811"]);
    return zipFile(omniglotZips().evaluation);
  };
  assert.is((await loadDataset("omniglot", { host })).classes, 4);
  host.files.clear();
  host.remote = () => undefined;
  const both = /lacks images_background\.zip, images_evaluation\.zip; cannot download https:/;
  await rejects(() => loadDataset("omniglot", { host }), DataError, both);
});

test.run();
