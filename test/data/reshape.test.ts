import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadDataset } from "../../src/data/datasets.ts";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { reshapeImages } from "../../src/data/reshape.ts";
import { loadShapes } from "../../src/data/shapes.ts";
import { toGrey } from "../../src/formats/picture.ts";
import { resizeAndCrop } from "../../src/formats/resample.ts";
import { UsageError } from "../../src/gpu/errors.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("images of another size or without colours");

test("every image of a set is resized and made grey; labels and factors stay", async () => {
  const plain = loadShapes(5, 2);
  const size = { height: 16, width: 20 };
  const data = await reshapeImages(plain, { size, grey: true });
  assert.equal([data.height, data.width, data.channels], [16, 20, 1]);
  assert.equal([data.train.images.length, data.test.images.length], [5 * 320, 2 * 320]);
  const pixels = toGrey(plain.train.images.subarray(3 * 3072, 4 * 3072));
  const expected = resizeAndCrop({ height: 32, width: 32, channels: 1, pixels }, size);
  assert.equal(data.train.images.slice(3 * 320, 4 * 320), expected.pixels);
  assert.is(data.train.labels, plain.train.labels);
  assert.is(data.train.factors, plain.train.factors);
  const glyphs = loadGlyphs(3, 1);
  assert.is(await reshapeImages(glyphs, {}), glyphs);
  assert.equal((await reshapeImages(glyphs, { grey: true })).train.images, glyphs.train.images);
  const known = await reshapeImages({ ...plain, fingerprint: "x" }, { size });
  assert.match(known.fingerprint ?? "", /^[0-9a-f]{64}$/);
});

test("what makes no sense for a set is a usage error", async () => {
  const host = new MemoryHost();
  const refused = (name: string, pictures: object, pattern: RegExp) =>
    rejects(() => loadDataset(name, { host, pictures }), UsageError, pattern);
  const size = { height: 8, width: 8 };
  await refused(
    "synthetic-8",
    { size },
    /^--size: synthetic-8 has vectors, which are no pictures$/,
  );
  await refused("synthetic-8", { grey: true }, /^--grey: synthetic-8 has vectors/);
  await refused(
    "mnist",
    { background: [0, 0, 0] },
    /^--background: mnist has opaque images; it is/,
  );
  assert.equal(host.asked, [], "before anything is fetched");
  await refused(
    "glyphs",
    { size: { height: 4096, width: 4096 } },
    /^--size 4096x4096: the images are 201326592000 bytes then, expected at most 1073741824$/,
  );
});

test.run();
