import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fitMixture } from "../../src/math/gaussian-mixture.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";

const test = suite("Gaussian mixtures");

test("a mixture finds the clouds, their shapes and their shares", () => {
  const n = 6000;
  const random = new HostRandom(2);
  const points = new Float32Array(2 * n);
  const noise = random.normal(2 * n);
  for (let i = 0; i < n; i++) {
    const [a, b] = [noise[2 * i]!, noise[2 * i + 1]!];
    // A third: long and slanted about (5, 5); the others: round and small about (−5, 0).
    points.set(i % 3 === 0 ? [5 + 2 * a, 5 + 1.5 * a + 0.5 * b] : [-5 + 0.3 * a, 0.3 * b], 2 * i);
  }
  const { weights, means, factors } = fitMixture(points, 2, { components: 2, seed: 1 });
  const long = weights[0]! < weights[1]! ? 0 : 1;
  const close = (found: number, expected: number, by: number) =>
    assert.ok(Math.abs(found - expected) < by, `${found}, expected ${expected}`);
  close(weights[long]!, 1 / 3, 0.01);
  close(means[2 * long]!, 5, 0.15);
  close(means[2 * (1 - long)]!, -5, 0.05);
  const l = factors.slice(4 * long, 4 * long + 4);
  close(l[0]! ** 2, 4, 0.3); // var x
  close(l[0]! * l[2]!, 3, 0.3); // cov
  close(l[2]! ** 2 + l[3]! ** 2, 2.25 + 0.25, 0.2); // var y
  assert.is(l[1], 0);
});

test("points that lie in a plane, or are all one, have a mixture too", () => {
  const flat = Float32Array.from({ length: 300 }, (_, i) => (i % 3 === 2 ? 0 : Math.sin(i)));
  for (const points of [flat, new Float32Array(300).fill(2)]) {
    const { weights, means, factors } = fitMixture(points, 3, { components: 4, seed: 1 });
    for (const values of [weights, means, factors])
      assert.ok(values.every(Number.isFinite), `${values}`);
    assert.ok(Math.abs(weights.reduce((a, b) => a + b) - 1) < 1e-9);
  }
});

test.run();
