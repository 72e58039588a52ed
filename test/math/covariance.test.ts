import { suite } from "uvu";
import * as assert from "uvu/assert";
import { covarianceOf, meanOf, momentsOf } from "../../src/math/covariance.ts";

const test = suite("covariances");

test("moments of points", () => {
  const { mean, covariance } = momentsOf([1, 2, 3, 6, 5, 4], 2);
  assert.equal([...mean], [3, 4]);
  assert.equal([...covariance], [4, 2, 2, 4]);
});

test("a weight counts a point so many times", () => {
  const [twice, once] = [
    [1, 2, 1, 2, 5, 4],
    [1, 2, 5, 4],
  ];
  const mean = meanOf(twice, 2);
  const weights = [2, 1];
  const weighted = covarianceOf(once, 2, mean, { weight: (i) => weights[i]! });
  const counted = covarianceOf(twice, 2, mean);
  for (const [i, x] of counted.entries()) assert.ok(Math.abs(weighted[i]! - x) < 1e-15, `${i}`);
  assert.equal([...counted], [...covarianceOf(twice, 2, mean, { divisor: 3 })]);
});

test.run();
