/** The synthetic vectors: standardised, the same everywhere, and injective in their latent numbers. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { generate, loadSynthetic, makeGenerator } from "../../src/data/synthetic.ts";
import { eigenSymmetric } from "../../src/math/symmetric.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";

const test = suite("synthetic vectors");

const counts = { train: 500, test: 100 };

test("every dimension has mean 0 and variance 1 over the training vectors", () => {
  const { train, channels } = loadSynthetic(8, counts);
  assert.is(channels, 128);
  for (let j = 0; j < channels; j++) {
    let [mean, square] = [0, 0];
    for (let i = 0; i < train.count; i++) {
      const x = train.images[i * channels + j]!;
      mean += x / train.count;
      square += x ** 2 / train.count;
    }
    assert.ok(Math.abs(mean) < 1e-6 && Math.abs(square - 1) < 1e-5, `${j}: ${mean}, ${square}`);
  }
});

test("the Jacobian has full rank: its smallest singular value is above 0", () => {
  for (const n of [8, 16]) {
    const generator = makeGenerator(n);
    const random = new HostRandom(5);
    for (let sample = 0; sample < 10; sample++) {
      const z = Float64Array.from(random.normal(n));
      const h = 1e-6;
      const columns = Array.from({ length: n }, (_, i) => {
        const at = (by: number) =>
          generate(
            generator,
            z.map((x, k) => (k === i ? x + by : x)),
          );
        const [up, down] = [at(h), at(-h)];
        return up.map((x, k) => (x - down[k]!) / (2 * h));
      });
      const gram = Float64Array.from({ length: n * n }, (_, k) => {
        const [a, b] = [columns[Math.floor(k / n)]!, columns[k % n]!];
        return a.reduce((sum, x, row) => sum + x * b[row]!, 0);
      });
      const { values } = eigenSymmetric(gram, n);
      const smallest = Math.sqrt(Math.min(...values));
      assert.ok(smallest > 0.05, `n = ${n}: ${smallest}`);
    }
  }
});

test("the vectors are what the generator makes of their factors, and no two parts share any", () => {
  const { train, test: held } = loadSynthetic(16, counts);
  const { values, names } = train.factors!;
  assert.is(names.length, 16);
  const raw = generate(makeGenerator(16), values.subarray(0, 16));
  const other = generate(makeGenerator(16), values.subarray(16, 32));
  // Standardising is affine: differences keep their proportion in each dimension.
  const deviation = (raw[0]! - other[0]!) / (train.images[0]! - train.images[128]!);
  assert.ok(deviation > 0.1 && deviation < 10);
  assert.not.equal([...held.factors!.values.slice(0, 16)], [...values.slice(0, 16)]);
  const again = loadSynthetic(16, counts);
  assert.equal(again.train.images, train.images);
});

test.run();
