import { suite } from "uvu";
import * as assert from "uvu/assert";
import { imageSet } from "../../src/data/image-set.ts";
import { ShapeError, UsageError } from "../../src/gpu/errors.ts";
import { tensor } from "../../src/tensor/create.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("own pictures as a data set");

test("of bytes, of floats and of a tensor", async () => {
  const bytes = Uint8Array.from({ length: 3 * 2 * 4 }, (_, i) => 10 * i);
  const set = await imageSet(bytes, { height: 2, width: 4, channels: 1, labels: [0, 2, 1] });
  assert.equal([set.train.count, set.test.count, set.classes], [3, 0, 3]);
  assert.equal([set.name, ...set.classNames], ["pictures", "0", "1", "2"]);
  assert.is(set.train.images, bytes);
  const floats = Float32Array.from(bytes, (byte) => byte / 255);
  const size = { height: 2, width: 4, channels: 1 };
  assert.is((await imageSet(floats, size)).train.images, floats);
  const held = tensor(await testDevice(), floats, [3, 2, 4, 1]);
  const read = await imageSet(held, { name: "mine" });
  assert.equal([...read.train.images], [...floats]);
  assert.equal([read.height, read.width, read.channels, read.name], [2, 4, 1, "mine"]);
});

test("of what canvases give: on black, in colours or grey", async () => {
  const data = Uint8ClampedArray.of(255, 0, 0, 255, 0, 255, 0, 0, 90, 90, 90, 255, 1, 2, 3, 255);
  const picture = { width: 2, height: 2, data };
  const colours = await imageSet([picture, picture]);
  assert.equal([colours.train.count, colours.channels], [2, 3]);
  assert.equal([...colours.train.images.subarray(0, 6)], [255, 0, 0, 0, 0, 0]);
  /** As ImageData: everything is a getter of the prototype. */
  class Getters {
    get width() {
      return 2;
    }
    get height() {
      return 2;
    }
    get data() {
      return data;
    }
  }
  const grey = await imageSet([new Getters()], { channels: 1 });
  assert.equal([...grey.train.images], [76, 0, 90, 2]);
});

test("mistakes are named", async () => {
  const size = { height: 2, width: 2, channels: 1 };
  const bytes = new Uint8Array(8);
  const one = { width: 1, height: 1, data: new Uint8ClampedArray(4) };
  const two = { width: 2, height: 1, data: new Uint8ClampedArray(8) };
  for (const [work, kind, pattern] of [
    [() => imageSet(bytes), ShapeError, /^imageSet: height is undefined, wanted a whole number/],
    [() => imageSet(new Uint8Array(7), size), ShapeError, /7 values are no images of 2×2×1$/],
    [() => imageSet(bytes, { ...size, labels: [1] }), ShapeError, /1 labels for 2 images$/],
    [
      () => imageSet(bytes, { ...size, lables: [1] } as never),
      UsageError,
      /unknown option "lables"/,
    ],
    [
      () => imageSet(Float32Array.of(0, 1, 2, 3), size),
      UsageError,
      /floats are values from 0 to 1/,
    ],
    [() => imageSet([one, two]), ShapeError, /^imageSet: picture 1 is 2×1, the first 1×1$/],
    [() => imageSet([]), UsageError, /^imageSet: there are no pictures$/],
    [
      () => imageSet("x" as never),
      UsageError,
      /^imageSet: pictures is a string, wanted a Uint8Array/,
    ],
  ] as const)
    await rejects(work, kind, pattern);
});

test.run();
