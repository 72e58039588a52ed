import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DeviceImages, ShuffledBatches } from "../../src/data/loader.ts";
import type { Split, Values } from "../../src/data/types.ts";
import { OutOfMemoryError, ShapeError } from "../../src/gpu/errors.ts";
import { tensor } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("images on the device");

const count = 11;

/** Images of `size` numbers, all of them different, with labels 0 … 10. */
function imagesOf(kind: "bytes" | "floats", size: number): Split {
  const value = (i: number) => (kind === "bytes" ? (i * 37 + (i >> 3)) % 256 : Math.sin(i));
  const numbers = Array.from({ length: count * size }, (_, i) => value(i));
  const images: Values = kind === "bytes" ? Uint8Array.from(numbers) : Float32Array.from(numbers);
  return { images, labels: Uint8Array.from({ length: count }, (_, i) => i), count };
}

const shapeOf = (channels: number) => ({ height: 1, width: 1, channels });

test("images in several buffers are those in one, at the borders too", async () => {
  const device = await testDevice();
  for (const kind of ["bytes", "floats"] as const) {
    for (const size of [1, 3, 4, 12]) {
      const split = imagesOf(kind, size);
      const image = shapeOf(size);
      const bytesEach = size * split.images.BYTES_PER_ELEMENT;
      // All forwards, all backwards, and each of the last and the one behind it twice.
      const up = Array.from({ length: count }, (_, i) => i);
      const rows = Uint32Array.from([...up, ...[...up].reverse(), 10, 10, 11, 2 ** 31]);
      const take = (largest?: number) =>
        new DeviceImages(device, split, image, "images", largest).take(tensor(device, rows));
      const whole = take();
      const expected = await whole.x.data();
      const second = split.images[size]! * (kind === "bytes" ? Math.fround(1 / 255) : 1);
      assert.is(expected[size], Math.fround(second));
      for (const inOne of [16, 32, 64]) {
        if (bytesEach > inOne) continue;
        const parts = take(inOne);
        const what = `${kind} of ${size}, buffers of ${inOne} bytes`;
        assert.equal(parts.x.shape, whole.x.shape, what);
        assert.equal(await parts.x.data(), expected, what);
        assert.equal(await parts.label.data(), await whole.label.data(), what);
      }
    }
  }
});

test("recorded batches of an epoch, fused, are the same", async () => {
  const device = await testDevice();
  const split = imagesOf("bytes", 12);
  const epoch = async (largest?: number) => {
    const images = new DeviceImages(device, split, shapeOf(12), "images", largest);
    const batches = new ShuffledBatches(images, 4, [5, 6]);
    const { program, result } = await record(device, () => batches.next().x);
    const all: Float32Array[] = [];
    for (const place of [0, 1, 0]) {
      batches.moveTo(3, place);
      program.run();
      all.push(await result.data());
    }
    return all;
  };
  const expected = await epoch();
  assert.not.equal(expected[0], expected[1]);
  for (const largest of [16, 48, 100]) assert.equal(await epoch(largest), expected, `${largest}`);
});

test("images that fit in one buffer cost one dispatch a batch", async () => {
  const device = await testDevice();
  const rows = tensor(device, Uint32Array.of(3, 1));
  const dispatches = (largest: number) => {
    const images = new DeviceImages(device, imagesOf("bytes", 4), shapeOf(4), "i", largest);
    const before = device.dispatches;
    images.take(rows);
    return device.dispatches - before;
  };
  assert.is(dispatches(48), 1);
  assert.is(dispatches(47), 3);
});

test("a set larger than the device's largest buffer is put into several, an image is not", async () => {
  const device = await testDevice();
  // Of sizes that no other test has left an idle buffer of, which would be taken unasked.
  const size = 6007;
  const split = imagesOf("bytes", size);
  const rows = tensor(device, Uint32Array.of(10, 0));
  // Stands in for a device with small buffers: none can be opened with less than the default limits.
  // All images are a few bytes more than fit.
  Object.defineProperty(device.pool, "largest", { value: 66_064, configurable: true });
  try {
    const { x } = new DeviceImages(device, split, shapeOf(size)).take(rows);
    const [last, first] = [split.images.subarray(10 * size), split.images.subarray(0, size)];
    const scaled = (byte: number) => Math.fround(byte * Math.fround(1 / 255));
    assert.equal(await x.data(), Float32Array.from([...last, ...first], scaled));
    await rejects(
      () => new DeviceImages(device, imagesOf("bytes", 71_003), shapeOf(71_003), "large images"),
      OutOfMemoryError,
      /large images wants 71008 bytes, the device's largest buffer is 66064/,
    );
  } finally {
    Reflect.deleteProperty(device.pool, "largest");
  }
});

test("images and a count that do not go together are refused, in one buffer and in several", async () => {
  const device = await testDevice();
  const split = imagesOf("bytes", 4);
  for (const wrong of [split.images.subarray(0, 40), new Uint8Array(48)]) {
    for (const largest of [1024, 16]) {
      const images = { ...split, images: wrong };
      await rejects(
        () => new DeviceImages(device, images, shapeOf(4), "images", largest),
        ShapeError,
        /does not hold \d+ bytes/,
      );
    }
  }
});

test.run();
