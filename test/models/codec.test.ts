import { suite } from "uvu";
import * as assert from "uvu/assert";
import { imagesAt } from "../../src/data/image-batch.ts";
import { drawInterpolations } from "../../src/figures/interpolate.ts";
import { drawReconstructions } from "../../src/figures/reconstruct.ts";
import { drawSamples } from "../../src/figures/sample.ts";
import { drawSwaps, swapStyles } from "../../src/figures/swap.ts";
import { drawTraversal, orderDimensions, variancesOf } from "../../src/figures/traverse.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { Codec } from "../../src/models/codec.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { tensor } from "../../src/tensor/create.ts";
import { scope } from "../../src/tensor/run.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("encoding and decoding for figures");

const image = { height: 5, width: 4, channels: 1 };
const size = 20;

async function small(latent = 3) {
  const device = await testDevice();
  const options = { network: "dense", latent, beta: 1, width: 0.05 } as const;
  const model = new Vae(device, new HostRandom(3), image, options);
  return { device, model, codec: new Codec(device, model, image) };
}

/** Test images with two classes. */
function split(count: number) {
  const images = Uint8Array.from({ length: count * size }, (_, i) => (i * 37) % 256);
  return { images, labels: Uint8Array.from({ length: count }, (_, i) => i % 2), count };
}

const close = (a: Float32Array, b: Float32Array) => {
  assert.is(a.length, b.length);
  for (const [i, value] of a.entries()) assert.ok(Math.abs(value - b[i]!) < 1e-5, `at ${i}`);
};

test("portions give what the model gives at once, whatever the count", async () => {
  const { device, model, codec } = await small();
  for (const count of [1, 63, 64, 65, 130]) {
    const batch = imagesAt(
      split(count),
      image,
      Array.from({ length: count }, (_, i) => i),
    );
    const x = tensor(device, batch.values as Float32Array<ArrayBuffer>, [count, 5, 4, 1]);
    const codes = await codec.encode(batch);
    close(codes, await scope(device, () => model.encode({ x })).data());
    const z = tensor(device, codes as Float32Array<ArrayBuffer>, [count, 3]);
    const decoded = await codec.decode(codes, count);
    close(decoded.values, await scope(device, () => model.decode(z)).data());
    assert.equal([decoded.count, decoded.height, decoded.width], [count, 5, 4]);
  }
});

test("images are those at the indices, from 0 to 1", () => {
  const { values, count } = imagesAt(split(10), image, [7, 2]);
  assert.is(count, 2);
  assert.is(values[0], Math.fround(((7 * size * 37) % 256) / 255));
  assert.is(values[size + 1], Math.fround((((2 * size + 1) * 37) % 256) / 255));
});

test("a traversal changes one dimension a row and leaves the others", async () => {
  const { codec } = await small();
  const asked: Float32Array[] = [];
  const spy = Object.create(codec, {
    decode: {
      value: (z: Float32Array, count: number) => {
        asked.push(z);
        return codec.decode(z, count);
      },
    },
  }) as Codec;
  const base = Float32Array.of(5, 6, 7);
  const dimensions = [{ dimension: 3 }, { dimension: 1 }];
  const { description } = await drawTraversal(spy, dimensions, {
    range: 2,
    steps: 3,
    base,
    image: 4,
  });
  assert.equal([...asked[0]!], [5, 6, -2, 5, 6, 0, 5, 6, 2, -2, 6, 7, 0, 6, 7, 2, 6, 7]);
  assert.match(description, /from −2 to 2, .* as in the code of test image 4\. .*: 3, 1\.$/);
  await drawTraversal(spy, [{ dimension: 2 }], { range: 3, steps: 2 });
  assert.equal([...asked[1]!], [0, -3, 0, 0, 3, 0]);
});

test("dimensions are ordered by the variance of their means", () => {
  const codes = Float32Array.of(0, 0, 1, 1, 4, 1, 2, 8, 1);
  const variances = variancesOf(codes, 3);
  assert.ok(Math.abs(variances[0]! - 2 / 3) < 1e-12 && variances[2] === 0);
  assert.equal(
    orderDimensions(3, 2, variances).map(({ dimension }) => dimension),
    [2, 1],
  );
  assert.equal(orderDimensions(3, 9), [{ dimension: 1 }, { dimension: 2 }, { dimension: 3 }]);
});

test("drawings have the size that their rows and columns make", async () => {
  const { codec } = await small();
  const scale = Math.round(56 / 5);
  const across = (columns: number) => 24 + columns * (4 * scale + 4) - 4;
  const down = (rows: number) => 24 + rows * (5 * scale + 4) - 4;
  const options = { method: "slerp", rows: 2, steps: 5, seed: 1 } as const;
  const test = split(9);
  const between = (await drawInterpolations(codec, test, options)).picture;
  assert.equal([between.width, between.height], [across(7) + 2 * 12, down(2)]);
  const prior = (await drawInterpolations(codec, undefined, options)).picture;
  assert.equal([prior.width, prior.height], [across(5), down(2)]);
  const samples = (await drawSamples(codec, { count: 9, seed: 1 })).picture;
  assert.equal([samples.width, samples.height], [across(3), down(3)]);
  const { picture, description } = await drawReconstructions(codec, test, { count: 24 });
  assert.is(picture.width, across(9), "as many as there are");
  assert.match(description, /^9 test images/);
});

test("a swap takes the first dimensions of one code and the others of another", async () => {
  const { codec } = await small();
  const images = split(5);
  const [contents, styles] = [imagesAt(images, image, [0, 1]), imagesAt(images, image, [2, 3, 4])];
  const swapped = await swapStyles(codec, 1, contents, styles);
  assert.is(swapped.count, 6);
  const [from, to] = [await codec.encode(contents), await codec.encode(styles)];
  const z = Float32Array.from({ length: 18 }, (_, i) => {
    const [row, column] = [Math.floor(i / 9), Math.floor(i / 3) % 3];
    return i % 3 < 1 ? from[row * 3 + (i % 3)]! : to[column * 3 + (i % 3)]!;
  });
  close(swapped.values, (await codec.decode(z, 6)).values);
  assert.equal([...swapped.labels!], [0, 0, 0, 1, 1, 1]);

  const whole = await swapStyles(codec, "class", contents, styles);
  const style = (await codec.decode(to, 3)).values;
  close(whole.values, Float32Array.of(...style, ...style));
});

test("a drawing of swaps has the images of the set at its edges", async () => {
  const { codec } = await small();
  const options = { contents: 2, styles: 3, seed: 1 };
  const { picture, description } = await drawSwaps(codec, 1, split(9), options);
  // Three rows of five pixels and four columns of four, enlarged 11 times; gaps of 4 and one of 16.
  assert.equal([picture.width, picture.height], [24 + 4 * 48 - 4 + 12, 24 + 3 * 59 - 4]);
  assert.match(description, /^2 rows: .* the 3 images at the top/);
  await rejects(
    () => drawSwaps(codec, 1, split(2), options),
    DataError,
    /swap: 2 test images are not 3/,
  );
});

test("an interpolation shows the test images themselves at its ends", async () => {
  const { codec } = await small();
  const twoImages = {
    images: new Uint8Array(2 * size).fill(255, 0, size),
    labels: Uint8Array.of(0, 1),
    count: 2,
  };
  const options = { method: "lerp", rows: 1, steps: 2, seed: 1 } as const;
  const { picture } = await drawInterpolations(codec, twoImages, options);
  const at = (x: number) => picture.pixels[(14 * picture.width + x) * 3];
  const ends = [at(14)!, at(picture.width - 14)!];
  assert.equal(
    ends.sort((a, b) => a - b),
    [0, 255],
  );
  assert.ok(at(80)! > 0 && at(80)! < 255, "a decoded picture is never quite black or white");
});

test.run();
