import fc from "fast-check";
import { PNG } from "pngjs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodePng, type Picture } from "../../src/formats/png.ts";

const test = suite("png as pngjs reads it");

const picture = fc
  .record({
    width: fc.integer({ min: 1, max: 40 }),
    height: fc.integer({ min: 1, max: 40 }),
    channels: fc.constantFrom(1 as const, 3 as const),
  })
  .chain(({ width, height, channels }) => {
    const count = width * height * channels;
    return fc
      .uint8Array({ minLength: count, maxLength: count })
      .map((pixels): Picture => ({ width, height, channels, pixels }));
  });

test("another decoder reads the same pixels", async () => {
  await fc.assert(
    fc.asyncProperty(picture, async (image) => {
      const read = PNG.sync.read(Buffer.from(await encodePng(image)), { checkCRC: true });
      assert.equal([read.width, read.height], [image.width, image.height]);
      for (let i = 0; i < image.width * image.height; i++) {
        const expected =
          image.channels === 3
            ? [...image.pixels.subarray(3 * i, 3 * i + 3), 255]
            : [...Array(3).fill(image.pixels[i]), 255];
        assert.equal([...read.data.subarray(4 * i, 4 * i + 4)], expected);
      }
    }),
    { numRuns: 40 },
  );
});

test.run();
