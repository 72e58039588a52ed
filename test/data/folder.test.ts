import { suite } from "uvu";
import * as assert from "uvu/assert";
import { absoluteName, findDataset, loadDataset } from "../../src/data/datasets.ts";
import { pathLabel } from "../../src/data/paths.ts";
import type { Split } from "../../src/data/types.ts";
import type { PictureOptions } from "../../src/formats/picture.ts";
import { DataError, UsageError } from "../../src/gpu/errors.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("folder of pictures");

/** A host with 1×2 grey pictures at these paths; each is filled with its number. */
function hostWith(...paths: string[]): MemoryHost {
  const host = new MemoryHost();
  paths.forEach((path, i) => {
    putGrey(host, path, i);
  });
  return host;
}

function putGrey(host: MemoryHost, path: string, value: number, width = 2): void {
  const pixels = new Uint8Array(width).fill(value);
  host.putPicture(path, { width, height: 1, channels: 1, pixels });
}

const load = (host: MemoryHost, onNotice?: (line: string) => void, pictures?: PictureOptions) =>
  loadDataset("folder:/p", { host, onNotice, pictures });
/** Takes what is told but for pictures of one colour, as those of most tests are. */
const into = (notices: string[]) => (line: string) => {
  if (!line.includes(" of one colour ")) notices.push(line);
};
/** The numbers that pictures are filled with. */
const fills = ({ images }: Pick<Split, "images">) =>
  Array.from(images).filter((_, i) => i % 2 === 0);
const numbered = (folder: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${folder}/${String(i).padStart(3, "0")}.png`);

test("sub-folders are classes; every tenth picture of each is for the test", async () => {
  const data = await load(hostWith(...numbered("/p/b", 20), ...numbered("/p/a", 11)));
  assert.equal(data.classNames, ["a", "b"]);
  assert.equal([data.height, data.width, data.channels, data.classes], [1, 2, 1, 2]);
  assert.equal([data.train.count, data.test.count], [10 + 18, 1 + 2]);
  const firsts = (images: ArrayLike<number>) => Array.from(images).filter((_, i) => i % 2 === 0);
  assert.equal(firsts(data.test.images), [29, 9, 19], "000009.png, 000019.png");
  assert.equal([...data.test.labels], [0, 1, 1]);
  assert.equal(firsts(data.train.images).slice(0, 6), [20, 0, 21, 1, 22, 2], "classes in turn");
  assert.equal([...data.train.labels].slice(0, 6), [0, 1, 0, 1, 0, 1]);
});

test("pictures without a sub-folder are one class, named as the folder", async () => {
  const data = await load(hostWith("/p/2.png", "/p/10.PNG", "/p/notes.txt", "/p/.hidden.png"));
  assert.equal(data.classNames, ["p"]);
  assert.equal([...data.train.images, ...data.test.images], [1, 1, 0, 0], "10 sorts before 2");
  assert.equal([data.train.count, data.test.count], [1, 1], "the last is for the test");
});

test("train and test are the parts where there is nothing else", async () => {
  const host = hostWith("/p/test/x/1.png", "/p/train/x/1.png", "/p/train/y/1.png", "/p/info.txt");
  const data = await load(host);
  assert.equal(data.classNames, ["x", "y"]);
  assert.equal([...data.train.labels, ...data.test.labels], [0, 1, 0]);
  const flat = await load(hostWith("/p/test/1.png", "/p/train/1.png", "/p/train/2.png"));
  assert.equal([flat.classNames, flat.train.count, flat.test.count], [["p"], 2, 1]);
});

test("parts of any usual name and case are parts: none of them becomes a class", async () => {
  for (const [train, validation, test] of [
    ["train", "val", "test"],
    ["Train", "Valid", "Test"],
    ["TRAINING", "validation", "Testing"],
    ["training_set", "dev", "test-set"],
    ["train2017", "val2017", "test2017"],
    ["images_train", "images_val", "images_test"],
    ["01_train", "02_val", "03_test"],
    ["Training Data", "ValidData", "Testing Data"],
    ["trn", "Val", "tst"],
  ] as const) {
    const flat = await load(
      hostWith(
        `/p/${test}/1.png`,
        `/p/${train}/1.png`,
        `/p/${train}/2.png`,
        `/p/${validation}/1.png`,
      ),
    );
    assert.equal(flat.classNames, ["p"]);
    assert.equal(
      [fills(flat.train), fills(flat.validation!), fills(flat.test)],
      [[1, 2], [3], [0]],
    );
    const classes = await load(
      hostWith(
        ...["b", "a"].map((name) => `/p/${test}/${name}/1.png`),
        ...["a", "b"].map((name) => `/p/${train}/${name}/1.png`),
        ...["b", "a"].map((name) => `/p/${validation}/${name}/1.png`),
      ),
    );
    assert.equal(classes.classNames, ["a", "b"]);
    assert.equal(
      [fills(classes.train), [...classes.train.labels]],
      [
        [2, 3],
        [0, 1],
      ],
    );
    assert.equal(
      [fills(classes.validation!), [...classes.validation!.labels]],
      [
        [5, 4],
        [0, 1],
      ],
    );
    assert.equal(
      [fills(classes.test), [...classes.test.labels]],
      [
        [1, 0],
        [0, 1],
      ],
    );
  }
  const two = await load(hostWith("/p/Test/1.png", "/p/Train/1.png", "/p/Train/2.png"));
  assert.equal([fills(two.train), two.validation, fills(two.test)], [[1, 2], undefined, [0]]);
});

test("without a test part, every tenth picture to train on is for the test, and that is said", async () => {
  for (const inside of ["", "/a"]) {
    const notices: string[] = [];
    const host = hostWith(...numbered(`/p/train${inside}`, 20), `/p/val${inside}/1.png`);
    const data = await load(host, into(notices));
    assert.equal([fills(data.test), fills(data.validation!)], [[9, 19], [20]]);
    assert.equal([data.train.count, fills(data.train).includes(9)], [18, false]);
    assert.equal(notices, [
      "/p has no test part: every tenth picture of train is for testing, none of them is trained on",
    ]);
  }
  const alone = await load(hostWith(...numbered("/p/train/a", 5), ...numbered("/p/train/b", 5)));
  assert.equal([alone.classNames, alone.train.count, alone.test.count], [["a", "b"], 9, 1]);
});

test("a class that a part lacks is told; labels may be of more than 256 classes", async () => {
  const notices: string[] = [];
  const host = hostWith("/p/test/x/1.png", "/p/train/x/1.png", "/p/train/y/1.png");
  await load(host, into(notices));
  assert.equal(notices, ["/p/test has no pictures of y"]);
  const many = Array.from({ length: 300 }, (_, i) => `/p/${1000 + i}/1.png`);
  const { train, test, classes } = await load(hostWith(...many));
  assert.equal([classes, train.labels[298], test.labels[0]], [300, 298, 299]);
});

test("PNG and JPEG pictures are read, by any usual ending", async () => {
  const names = ["0.png", "1.jpg", "2.jpeg", "3.JPG", "4.JPEG", "5.jpe", "6.jfif", "7.Png"];
  const notices: string[] = [];
  const data = await load(hostWith(...names.map((name) => `/p/${name}`)), into(notices));
  assert.equal([data.train.count + data.test.count, notices], [8, []]);
});

test("folders whose names end like a picture are classes", async () => {
  for (const [first, second] of [
    ["cat.png", "dog"],
    ["cat.png", "dog.JPG"],
    ["a", "b.png"],
  ] as const) {
    const host = hostWith(`/p/${first}/1.png`, `/p/${first}/2.png`, `/p/${second}/3.png`);
    const data = await load(host);
    assert.equal(data.classNames, [first, second]);
    assert.is(data.train.count + data.test.count, 3);
    const parts = await load(
      hostWith(`/p/train/${first}/1.png`, `/p/train/${second}/1.png`, `/p/test/${second}/1.png`),
    );
    assert.equal(parts.classNames, [first, second]);
  }
  const host = hostWith("/p/cat.png/1.png", "/p/dog.png");
  await rejects(() => load(host), DataError, /both pictures \(dog\.png\) and folders \(cat\.png\)/);
});

test("what is left out is counted in one line; what systems leave behind is not", async () => {
  const notices: string[] = [];
  const host = hostWith(...numbered("/p/a", 3), ...numbered("/p/b", 3));
  for (const name of ["1.gif", "2.GIF", "notes.txt", "Makefile"]) host.put(`/p/a/${name}`, "x");
  for (const name of [
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "._x.png",
    ".git/HEAD",
    "__MACOSX/a/._1.png",
    "a/.DS_Store",
    "a/thumbs.db",
    "a/.ipynb_checkpoints/x.png",
  ])
    host.put(`/p/${name}`, "x");
  const data = await load(host, into(notices));
  assert.equal([data.classNames, data.train.count + data.test.count], [["a", "b"], 6]);
  assert.equal(notices, ["left out: 2 .gif, 1 .txt, 1 without a usual ending"]);
});

test("one colour picture makes all of them colour pictures", async () => {
  const paths = numbered("/p", 12);
  const order = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 9];
  const pixels = Uint8Array.of(1, 2, 3, 4, 5, 6);
  for (const colour of [0, 3, 9]) {
    const host = hostWith(...paths);
    host.putPicture(paths[colour]!, { width: 2, height: 1, channels: 3, pixels });
    const data = await load(host);
    assert.is(data.channels, 3);
    const expected = order.flatMap((i) => (i === colour ? [...pixels] : Array(6).fill(i)));
    assert.equal([...data.train.images, ...data.test.images], expected);
  }
});

test("a class may have a word of a part in its name, where the others have none of another", async () => {
  const notices: string[] = [];
  const host = hostWith("/p/flask/1.png", "/p/test tube/1.png", "/p/test strip/1.png");
  const data = await load(host, into(notices));
  assert.equal(data.classNames, ["flask", "test strip", "test tube"]);
  assert.match(
    notices.join("\n"),
    /^\/p: test strip and 1 more taken for classes and trained on, .*$/,
  );
});

test("layouts that cannot be understood are refused", async () => {
  for (const [paths, pattern] of [
    [[], /^\/p: no such folder$/],
    [["/p"], /^\/p: a file, expected a folder of pictures$/],
    [["/p/readme.txt"], /^\/p: no PNG or JPEG pictures in it, but 1 \.txt$/],
    [["/p/a/1.gif", "/p/b/1.png"], /^\/p\/a: no PNG or JPEG pictures in it, but 1 \.gif$/],
    [["/p/.keep"], /^\/p: nothing in it; expected pictures in the folder itself/],
    [
      ["/p/a/.keep", "/p/b/1.png"],
      /^\/p\/a: no PNG or JPEG pictures in it; put pictures there, or remove the folder$/,
    ],
    [
      ["/p/train/1.png", "/p/val/.keep"],
      /^\/p\/val: no PNG .* remove the folder: then some pictures of train are held out$/,
    ],
    [
      ["/p/Train/a/1.png", "/p/Test/.keep"],
      /^\/p\/Test: no PNG .* remove the folder: then every tenth picture of Train is for testing$/,
    ],
    [
      ["/p/train/.gitkeep", "/p/val/1.png"],
      /^\/p\/train: no PNG or JPEG pictures in it; pictures to train on belong there$/,
    ],
    [
      ["/p/train-images-idx3-ubyte.gz", "/p/train-labels-idx1-ubyte.gz", "/p/readme.txt"],
      /^\/p: no PNG .*, but 2 named as IDX files, 1 \.txt; --data idx:\/p reads IDX files$/,
    ],
    [
      ["/p/raw/t10k-labels.idx1-ubyte"],
      /^\/p\/raw: no PNG .*, but 1 named as IDX files; --data idx:\/p\/raw reads IDX files$/,
    ],
    [["/p/faces.npy"], /but 1 \.npy; --data faces reads an array of pictures, as faces\/celeba/],
    [["/p/mnist.npz"], /but 1 \.npz; \.npz is not read: np\.load and np\.save make \.npy of it/],
    [["/p/all.zip"], /but 1 \.zip; archives have to be unpacked first$/],
    [["/p/labels"], /^\/p: no PNG or JPEG pictures in it, but 1 without a usual ending$/],
    [["/p/a/1.png"], /^\/p: only one picture, expected at least 2$/],
    [["/p/a/1.png", "/p/1.png"], /^\/p: both pictures \(1\.png\) and folders \(a\)/],
    [
      ["/p/train/1.png", "/p/test/a/1.png"],
      /class folders in one of train and test, .* expected pic/,
    ],
    [["/p/train/a/1.png", "/p/val/1.png"], /^\/p: class folders in one of train and val, pictures/],
    [["/p/train/a/1.png", "/p/test/b/1.png"], /^\/p\/test: b of it is not in \/p\/train; expected/],
    [["/p/train/a/1.png", "/p/dev/b/1.png"], /^\/p\/dev: b of it is not in \/p\/train; expected/],
    [["/p/train/1.png", "/p/test/1.png", "/p/1.png"], /^\/p: both pictures \(1\.png\) and parts/],
    [
      ["/p/train/1.png", "/p/cats/1.png"],
      /^\/p: train is the name of a part, cats is not; expected/,
    ],
    [
      ["/p/test/1.png", "/p/val/1.png"],
      /^\/p: test without a part to train on; expected pictures in/,
    ],
    [["/p/Test/a/1.png"], /^\/p: Test without a part to train on; expected pictures in/],
    [["/p/train/1.png", "/p/Training/1.png"], /^\/p: both Training and train, expected one train/],
    [
      ["/p/a/b/1.png", "/p/c/1.png"],
      /^\/p\/a: a folder \(b\) within that of a class; expected pic/,
    ],
    [
      ["/p/a/1.png", "/p/a/b/1.png"],
      /^\/p\/a: a folder \(b\) within that of a class; expected pic/,
    ],
    [
      ["/p/cats/train/1.png"],
      /^\/p\/cats: a folder \(train\) .*; did you mean folder:\/p\/cats\?$/,
    ],
    [
      ["/p/trainA/1.png", "/p/trainB/1.png", "/p/testA/1.png", "/p/testB/1.png"],
      /^\/p: both testA and testB, expected one test part$/,
    ],
    [
      ["/p/seg_train/a/1.png", "/p/seg_test/a/1.png", "/p/seg_pred/1.png"],
      /^\/p: seg_test is the name of a part, seg_pred is not; expected/,
    ],
    [["/p/train_val/1.png", "/p/other/1.png"], /^\/p: train_val is the name of a part, other is/],
    [["/p/val_test/1.png", "/p/test/1.png"], /^\/p: test is the name of a part, val_test is not;/],
    [
      ["/p/images/1.png", "/p/test_images/1.png"],
      /^\/p: test_images looks like a part of the data/,
    ],
    [["/p/train/a/b/1.png"], /^\/p\/train\/a: a folder \(b\) within that of a class; expected pic/],
  ] as const) {
    await rejects(() => load(hostWith(...paths)), DataError, pattern);
  }
});

test("a picture of another size is named, and the first that is bad is reported", async () => {
  const host = hostWith(...numbered("/p", 9));
  putGrey(host, "/p/004.png", 0, 3);
  host.pictures.delete("/p/005.png");
  const size =
    /^\/p\/004\.png: 3×1 pixels, \/p\/000\.png has 2×1; --size HxW brings all to one size$/;
  await rejects(() => load(host), DataError, size);
  host.pictures.delete("/p/003.png");
  await rejects(() => load(host), DataError, /^\/p\/003\.png: not a picture/);
});

test("mixed sizes are brought to one by --size, and mixed colours by --grey", async () => {
  const mixed = () => {
    const host = hostWith(...numbered("/p", 9));
    putGrey(host, "/p/004.png", 4, 5);
    const pixels = Uint8Array.of(255, 0, 0, 255, 0, 0, 0, 0, 255, 0, 0, 255);
    host.putPicture("/p/005.png", { width: 2, height: 2, channels: 3, pixels });
    return host;
  };
  const size = { height: 1, width: 2 };
  const data = await load(mixed(), undefined, { size });
  assert.equal([data.height, data.width, data.channels], [1, 2, 3]);
  assert.equal([...data.train.images.subarray(4 * 6)].slice(0, 12), [
    ...[4, 4, 4, 4, 4, 4],
    ...[255, 0, 0, 255, 0, 0],
  ]);
  const grey = await load(mixed(), undefined, { size, grey: true });
  assert.equal([grey.channels, ...grey.train.images.subarray(8, 12)], [1, 4, 4, 76, 76]);
  const large = await load(mixed(), undefined, { size: { height: 3, width: 6 } });
  assert.equal([large.height, large.width, large.train.images.length], [3, 6, 8 * 54]);
});

test("pictures without anything on them are told, with the cure", async () => {
  const told = async (host: MemoryHost, options: PictureOptions = {}) => {
    const notices: string[] = [];
    await load(host, (line) => notices.push(line), options);
    return notices;
  };
  const ink = new MemoryHost();
  for (const [i, path] of numbered("/p", 12).entries()) {
    const pixels = Uint8Array.of(0, 0, 0, 255, 0, 0, 0, 20 * i);
    ink.putPicture(path, { width: 2, height: 1, channels: 4, grey: true, pixels });
  }
  assert.equal(await told(ink), [
    "all 12 pictures are of one colour each: there is nothing on them; black ink on transparent ground shows with --background white",
  ]);
  assert.equal(await told(ink, { background: [255, 255, 255] }), []);
  const blank = hostWith(...numbered("/p", 3));
  blank.putPicture("/p/2.png", { width: 2, height: 1, channels: 1, pixels: Uint8Array.of(1, 2) });
  assert.equal(await told(blank), [
    "3 of 4 pictures are of one colour each, /p/000.png is the first",
  ]);
});

test("the fingerprint is over names, bytes and options, of what is trained and validated on", async () => {
  const paths = [
    ...numbered("/p/train/a", 3),
    ...numbered("/p/val/a", 2),
    ...numbered("/p/test/a", 2),
  ];
  const of = async (change: (host: MemoryHost) => void, options: PictureOptions = {}) => {
    const host = hostWith(...paths);
    change(host);
    return (await load(host, undefined, options)).fingerprint;
  };
  const before = await of(() => undefined);
  assert.match(before ?? "", /^[0-9a-f]{64}$/);
  assert.is(await of(() => undefined), before);
  assert.is(await of((host) => putGrey(host, "/p/test/a/000.png", 99)), before);
  const others = [
    await of((host) => putGrey(host, "/p/train/a/001.png", 99)),
    await of((host) => putGrey(host, "/p/val/a/001.png", 99)),
    await of((host) => putGrey(host, "/p/train/a/1.png", 1)),
    await of(() => undefined, { size: { height: 1, width: 1 } }),
    await of(() => undefined, { background: [1, 2, 3] }),
  ];
  assert.is(new Set([before, ...others]).size, 6);
  const typed = ["/p/", "/p//"].map((path) =>
    loadDataset(`folder:${path}`, { host: hostWith(...paths) }),
  );
  for (const { fingerprint } of await Promise.all(typed)) assert.is(fingerprint, before);
});

test("more than 1 GiB is refused before it is allocated", async () => {
  const host = new MemoryHost();
  const pixels = new Uint8Array();
  for (const path of numbered("/p", 65)) {
    host.putPicture(path, { width: 4096, height: 4096, channels: 1, pixels });
  }
  await rejects(
    () => load(host),
    DataError,
    /^\/p: 65 pictures of 4096×4096×1 are 1090519040 bytes/,
  );
});

test("names: relative paths, labels for paths, absolute ones for configurations", () => {
  const entry = findDataset("folder:../my pictures/cats & dogs/");
  assert.is(entry.name, "folder:../my pictures/cats & dogs/");
  assert.is(entry.label, "folder-cats-dogs");
  assert.is(pathLabel("folder", "C:\\pictures\\été_2.1"), "folder-été_2.1");
  assert.is(pathLabel("folder", "a/.."), "folder");
  assert.is(absoluteName("folder:x/y", "/home"), "folder:/home/x/y");
  assert.is(absoluteName("folder:/x", "/home"), "folder:/x");
  assert.is(absoluteName("mnist", "/home"), "mnist");
});

test("mistyped names are usage errors with a suggestion", async () => {
  for (const [name, pattern] of [
    ["foler:x/y:z", /^unknown data set "foler:x\/y:z" \(did you mean folder:x\/y:z\?\); there are/],
    [
      "folder",
      /\(did you mean folder:PATH\?\); there are glyphs, shapes, tones, synthetic-8, synthetic-16, mnist, fashion-mnist, omniglot, omniglot-rotated, cifar10, faces, anime, folder:PATH, idx:PATH$/,
    ],
    ["mnits:x", /\(did you mean mnist\?\)/],
    ["http://x", /^unknown data set "http:\/\/x"; there/],
    ["folder:", /^data set "folder:": the path is missing/],
  ] as const) {
    await rejects(() => findDataset(name), UsageError, pattern);
  }
});

test("a folder has one absolute name, however it was typed", () => {
  for (const typed of ["x", "./x", "x/", "y/../x", ".//x/.", "/home/x"])
    assert.is(absoluteName(`folder:${typed}`, "/home"), "folder:/home/x");
  assert.is(absoluteName("mnist", "/home"), "mnist");
});

test.run();
