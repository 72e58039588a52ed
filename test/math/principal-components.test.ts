import { suite } from "uvu";
import * as assert from "uvu/assert";
import { principalComponents, project } from "../../src/math/principal-components.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";

const test = suite("principal components");

/** Rows whose covariance is exactly that of the columns: ±√n·v for each column v, else 0. */
function rowsWith(columns: readonly (readonly number[])[], mean: readonly number[]): Float32Array {
  const n = 2 * columns.length;
  return Float32Array.from(
    columns.flatMap((v) =>
      [1, -1].flatMap((sign) => v.map((x, i) => mean[i]! + sign * x * Math.sqrt(n / 2))),
    ),
  );
}

test("finds the axes of a known covariance", () => {
  // Variances 9, 4, 1 along three orthogonal directions.
  const directions = [
    [2, 1, 2],
    [-2, 2, 1],
    [1, 2, -2],
  ].map((v) => v.map((x) => x / 3));
  const columns = directions.map((v, k) => v.map((x) => x * [3, 2, 1][k]!));
  const data = rowsWith(columns, [10, -5, 0.5]);
  const { mean, components } = principalComponents(data, 6, 2);
  for (const [i, value] of [10, -5, 0.5].entries()) assert.ok(Math.abs(mean[i]! - value) < 1e-6);
  assert.is(components.length, 2);
  for (const [k, { direction, variance, share }] of components.entries()) {
    assert.ok(Math.abs(variance - [9, 4][k]!) < 1e-5, `${variance}`);
    assert.ok(Math.abs(share - [9, 4][k]! / 14) < 1e-6);
    // The sign: the largest entry is positive, and among equals the first.
    const along = direction.reduce((sum, x, i) => sum + x * directions[k]![i]!, 0);
    assert.ok(Math.abs(Math.abs(along) - 1) < 1e-9, `${direction}`);
    assert.ok(Math.max(...direction) >= -Math.min(...direction) - 1e-6);
  }
});

test("the variances of the projection are those of the components", () => {
  const [rows, columns] = [500, 20];
  const random = new HostRandom(5).normal(rows * columns);
  const data = random.map((x, i) => x * (1 + (i % columns)) + (i % columns));
  const principal = principalComponents(data, rows, 2);
  const projected = project(data, rows, principal);
  for (const k of [0, 1]) {
    const values = Array.from({ length: rows }, (_, row) => projected[2 * row + k]!);
    const mean = values.reduce((a, b) => a + b, 0) / rows;
    const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / rows;
    assert.ok(Math.abs(mean) < 1e-9 * 500);
    assert.ok(Math.abs(variance / principal.components[k]!.variance - 1) < 1e-9);
  }
  const [a, b] = principal.components;
  assert.ok(a!.variance > b!.variance);
  const dot = a!.direction.reduce((sum, x, i) => sum + x * b!.direction[i]!, 0);
  assert.ok(Math.abs(dot) < 1e-9);
});

test("a coupled pair beats a single dimension of greater variance", () => {
  // Variances 5, 4, 4, the last two with covariance 3: the first component is their sum, with 7.
  const columns = [
    [Math.sqrt(5), 0, 0],
    [0, Math.sqrt(3.5), Math.sqrt(3.5)],
    [0, Math.sqrt(0.5), -Math.sqrt(0.5)],
  ];
  const { components } = principalComponents(rowsWith(columns, [0, 0, 0]), 6, 2);
  assert.ok(Math.abs(components[0]!.variance - 7) < 1e-5);
  assert.ok(Math.abs(components[0]!.direction[0]!) < 1e-6);
  assert.ok(Math.abs(components[1]!.variance - 5) < 1e-5);
});

test("data without variance, and more components than dimensions", () => {
  const { components } = principalComponents(new Float32Array(12).fill(3), 4, 2);
  assert.equal(
    components.map(({ variance, share }) => [variance, share]),
    [
      [0, 0],
      [0, 0],
    ],
  );
  assert.is(principalComponents(Float32Array.of(1, 2, 3), 3, 2).components.length, 1);
});

test.run();
