import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cholesky, eigenSymmetric, multiply, rootSymmetric } from "../../src/math/symmetric.ts";
import { covarianceLike } from "../support/covariance-like.ts";

const test = suite("symmetric matrices");

test("eigenvectors are orthonormal and give the matrix back; the root squared, too", () => {
  const n = 24;
  const matrix = covarianceLike(n, 1);
  const { values, vectors } = eigenSymmetric(matrix, n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) {
      let [product, back] = [0, 0];
      for (let k = 0; k < n; k++) {
        product += vectors[k * n + i]! * vectors[k * n + j]!;
        back += vectors[i * n + k]! * values[k]! * vectors[j * n + k]!;
      }
      assert.ok(Math.abs(product - (i === j ? 1 : 0)) < 1e-12);
      assert.ok(Math.abs(back - matrix[i * n + j]!) < 1e-10);
    }
  const root = rootSymmetric(matrix, n);
  const square = multiply(root, root, n);
  for (let i = 0; i < n * n; i++) assert.ok(Math.abs(square[i]! - matrix[i]!) < 1e-10);
});

test("a Cholesky factor gives its matrix back", () => {
  const a = Float64Array.of(4, 2, 0.6, 2, 5, 1, 0.6, 1, 3);
  const l = cholesky(a, 3);
  for (const i of [0, 1, 2])
    for (const j of [0, 1, 2]) {
      let found = 0;
      for (const k of [0, 1, 2]) found += l[3 * i + k]! * l[3 * j + k]!;
      assert.ok(Math.abs(found - a[3 * i + j]!) < 1e-12);
    }
});

test.run();
