import { suite } from "uvu";
import * as assert from "uvu/assert";
import { eigenSymmetric, multiply } from "../../src/math/symmetric.ts";
import { frechetDistance, momentKl } from "../../src/metrics/frechet.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { covarianceLike } from "../support/covariance-like.ts";

const test = suite("Fréchet distance");

test("of independent dimensions it is the sum of (μ₁ − μ₂)² + (σ₁ − σ₂)²", () => {
  const diagonal = (values: readonly number[]) => {
    const covariance = new Float64Array(values.length ** 2);
    values.forEach((value, i) => {
      covariance[i * values.length + i] = value;
    });
    return covariance;
  };
  const a = { d: 3, mean: Float64Array.of(0, 1, 2), covariance: diagonal([1, 4, 9]) };
  const b = { d: 3, mean: Float64Array.of(1, 1, 0), covariance: diagonal([4, 4, 0]) };
  assert.ok(Math.abs(frechetDistance(a, b) - (1 + 4 + 1 + 0 + 9)) < 1e-9);
  assert.ok(Math.abs(frechetDistance(b, a) - 15) < 1e-9);
});

test("it does not change when both turn together, and is 0 to itself", () => {
  const n = 6;
  const make = (seed: number) => ({
    d: n,
    mean: Float64Array.from(new HostRandom(seed + 50).normal(n)),
    covariance: covarianceLike(n, seed),
  });
  const [a, b] = [make(2), make(3)];
  const { vectors: q } = eigenSymmetric(covarianceLike(n, 4), n);
  const turned = (m: ReturnType<typeof make>) => {
    const qt = Float64Array.from(q, (_, i) => q[(i % n) * n + Math.floor(i / n)]!);
    const mean = Float64Array.from({ length: n }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += q[i * n + k]! * m.mean[k]!;
      return sum;
    });
    return { d: n, mean, covariance: multiply(multiply(q, m.covariance, n), qt, n) };
  };
  const expected = frechetDistance(a, b);
  assert.ok(expected > 0.1);
  assert.ok(Math.abs(frechetDistance(turned(a), turned(b)) - expected) < 1e-8 * expected);
  assert.ok(frechetDistance(a, a) < 1e-9);
});

test("the KL of moments to N(0, I): by dimension, and 0 for the prior's own", () => {
  const moments = {
    d: 3,
    mean: Float64Array.of(0, 0.5, -1),
    covariance: Float64Array.of(1, 0.3, 0, 0.3, 4, 0, 0, 0, 0.25),
  };
  const each = [0, (4 + 0.25 - 1 - Math.log(4)) / 2, (0.25 + 1 - 1 - Math.log(0.25)) / 2];
  const near = (found: number, expected: number) =>
    assert.ok(Math.abs(found - expected) < 1e-12, `${found}, expected ${expected}`);
  near(momentKl(moments), each[1]! + each[2]!);
  near(momentKl(moments, 0, 1), 0);
  near(momentKl(moments, 1, 2), each[1]!);
});

test.run();
