/** Log-determinants against numerical Jacobians, and inverses. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkGradients } from "../../src/autograd/check.ts";
import { add } from "../../src/autograd/ops/elementwise.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import type { Device } from "../../src/gpu/device.ts";
import { FlowVae } from "../../src/models/flow-vae.ts";
import {
  AutoregressiveFlow,
  type Flow,
  hiddenDegrees,
  PlanarFlow,
} from "../../src/models/flows.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { tensor } from "../../src/tensor/create.ts";
import { testDevice } from "../support/device.ts";

const test = suite("normalising flows");

const [batch, latent, features] = [3, 4, 6];

function flows(device: Device): Record<string, Flow> {
  const random = new HostRandom(1);
  const options = { hidden: 16, reversed: false };
  return {
    planar: new PlanarFlow(device, random, latent, features),
    iaf: new AutoregressiveFlow(device, random, latent, features, options),
    "iaf, reversed": new AutoregressiveFlow(device, random, latent, features, {
      ...options,
      reversed: true,
    }),
  };
}

function inputs(device: Device, name: string) {
  const random = new HostRandom(2);
  const z = random.normal(batch * latent).map((x) => 0.3 * x);
  // A planar flow starts with small weights: a large context makes it bend.
  const scale = name === "planar" ? 60 : 1;
  const context = random.normal(batch * features).map((x) => scale * x);
  return { z, context: tensor(device, context, [batch, features]) };
}

/** Determinant by elimination with pivots. */
function determinant(matrix: number[][]): number {
  let det = 1;
  for (let i = 0; i < matrix.length; i++) {
    const pivot = matrix.reduce(
      (best, row, r) => (r >= i && Math.abs(row[i]!) > Math.abs(matrix[best]![i]!) ? r : best),
      i,
    );
    if (pivot !== i) {
      [matrix[i], matrix[pivot]] = [matrix[pivot]!, matrix[i]!];
      det = -det;
    }
    det *= matrix[i]![i]!;
    for (let r = i + 1; r < matrix.length; r++) {
      const factor = matrix[r]![i]! / matrix[i]![i]!;
      for (let c = i; c < matrix.length; c++) matrix[r]![c]! -= factor * matrix[i]![c]!;
    }
  }
  return det;
}

for (const name of ["planar", "iaf", "iaf, reversed"])
  test(`${name}: the log-determinant is that of the numerical Jacobian`, async () => {
    const device = await testDevice();
    const flow = flows(device)[name]!;
    const { z, context } = inputs(device, name);
    const at = async (values: Float32Array) => {
      const { z: y } = flow.forwardWith(tensor(device, values, [batch, latent]), context);
      return y.data();
    };
    const h = 1e-2;
    const columns: Float32Array[][] = [];
    for (let j = 0; j < latent; j++) {
      const moved = (by: number) => z.map((x, i) => (i % latent === j ? x + by : x));
      columns.push([
        await at(moved(h)),
        await at(moved(-h)),
        await at(moved(2 * h)),
        await at(moved(-2 * h)),
      ]);
    }
    const { logDeterminant } = flow.forwardWith(tensor(device, z, [batch, latent]), context);
    const found = await logDeterminant.data();
    for (let b = 0; b < batch; b++) {
      const jacobian = Array.from({ length: latent }, (_, i) =>
        columns.map(([p, m, pp, mm]) => {
          const k = b * latent + i;
          return (8 * (p![k]! - m![k]!) - (pp![k]! - mm![k]!)) / (12 * h);
        }),
      );
      const expected = Math.log(Math.abs(determinant(jacobian)));
      assert.ok(Math.abs(found[b]! - expected) < 5e-3, `${found[b]}, expected ${expected}`);
    }
    assert.ok(
      found.some((x) => Math.abs(x) > 0.3),
      `it does nothing: ${found}`,
    );
  });

for (const name of ["planar", "iaf", "iaf, reversed"])
  test(`${name}: the inverse undoes it, and it undoes the inverse`, async () => {
    const device = await testDevice();
    const flow = flows(device)[name]!;
    const { z, context } = inputs(device, name);
    const start = tensor(device, z, [batch, latent]);
    const back = flow.inverseWith(flow.forwardWith(start, context).z, context);
    const forth = flow.forwardWith(flow.inverseWith(start, context), context).z;
    for (const [i, x] of z.entries()) {
      assert.ok(Math.abs((await back.data())[i]! - x) < 1e-3);
      assert.ok(Math.abs((await forth.data())[i]! - x) < 1e-3);
    }
  });

test("a dimension of an autoregressive flow sees those before it only", async () => {
  const device = await testDevice();
  for (const [name, order] of [
    ["iaf", [0, 1, 2, 3]],
    ["iaf, reversed", [3, 2, 1, 0]],
  ] as const) {
    const flow = flows(device)[name]!;
    const { z, context } = inputs(device, name);
    const at = async (values: Float32Array) =>
      flow.forwardWith(tensor(device, values, [batch, latent]), context).z.data();
    const before = await at(z);
    for (const [place, j] of order.entries()) {
      const after = await at(z.map((x, i) => (i % latent === j ? x + 1 : x)));
      for (const earlier of order.slice(0, place))
        for (let b = 0; b < batch; b++)
          assert.is(after[b * latent + earlier], before[b * latent + earlier]);
    }
  }
});

test("hidden units have degrees from 1 to latent − 1, spread evenly, also where they are few", () => {
  assert.equal(hiddenDegrees(8, 5), [1, 1, 2, 2, 3, 3, 4, 4]);
  assert.equal(hiddenDegrees(2, 5), [1, 3]);
  assert.equal(hiddenDegrees(3, 2), [1, 1, 1]);
  for (const [hidden, latent] of [
    [32, 20],
    [32, 64],
    [5, 40],
  ] as const) {
    const degrees = hiddenDegrees(hidden, latent);
    const counts = new Map<number, number>();
    for (const degree of degrees) counts.set(degree, (counts.get(degree) ?? 0) + 1);
    assert.ok(Math.min(...degrees) >= 1 && Math.max(...degrees) <= latent - 1);
    assert.ok(Math.max(...counts.values()) - Math.min(...counts.values()) <= 1, `${degrees}`);
    // The last third of the dimensions is reached as the first is.
    const upper = degrees.filter((degree) => degree > (2 * (latent - 1)) / 3).length;
    assert.ok(upper >= Math.floor(hidden / 3) - 1, `${upper} of ${hidden}`);
  }
});

test("few hidden units reach all of many dimensions; the first depends on the context alone", async () => {
  const device = await testDevice();
  const wide = 12;
  const flow = new AutoregressiveFlow(device, new HostRandom(4), wide, features, {
    ...{ hidden: 4, reversed: false },
  });
  const random = new HostRandom(6);
  const z = random.normal(wide);
  const context = random.normal(features);
  const at = async (code: Float32Array, seen: Float32Array) => {
    const result = flow.forwardWith(
      tensor(device, code, [1, wide]),
      tensor(device, seen, [1, features]),
    );
    return result.z.data();
  };
  const before = await at(z, context);
  const changed = (after: Float32Array) =>
    Array.from({ length: wide }, (_, j) => j).filter((j) => after[j] !== before[j]);
  const other = await at(z, context.map((x) => x + 0.5) as Float32Array<ArrayBuffer>);
  assert.is(changed(other)[0], 0, "another context moves the first dimension");
  const later = await at(
    z.map((x, j) => (j === 0 ? x : x + 1)) as Float32Array<ArrayBuffer>,
    context,
  );
  assert.not(changed(later).includes(0), "other dimensions do not");
  const first = await at(
    z.map((x, j) => (j === 0 ? x + 1 : x)) as Float32Array<ArrayBuffer>,
    context,
  );
  assert.ok(changed(first).includes(wide - 1), "the last dimension sees the first one");
});

test("derivatives pass through, with respect to the code and the context", async () => {
  const device = await testDevice();
  for (const flow of Object.values(flows(device))) {
    const random = new HostRandom(3);
    const z = tensor(device, random.normal(batch * latent), [batch, latent]);
    const context = tensor(device, random.normal(batch * features), [batch, features]);
    await checkGradients(
      (a, c) => {
        const { z: y, logDeterminant } = flow.forwardWith(a, c);
        return add(sum(y), sum(logDeterminant));
      },
      [z, context],
    );
  }
});

test("several flows, there and back", async () => {
  const device = await testDevice();
  const image = { height: 8, width: 8, channels: 1 };
  for (const flow of ["planar", "iaf"] as const) {
    const vae = new FlowVae(device, new HostRandom(4), image, {
      ...{ network: "dense", latent, beta: 1, width: 0.05, flow, steps: 3, hidden: 8 },
    });
    const random = new HostRandom(5);
    const context = vae.encoder.forward(tensor(device, random.uniform(2 * 64), [2, 8, 8, 1]));
    const z = random.normal(2 * latent);
    const { z: end } = vae.transform(tensor(device, z, [2, latent]), context);
    const back = await vae.inverse(end, context).data();
    for (const [i, x] of z.entries()) assert.ok(Math.abs(back[i]! - x) < 1e-3);
  }
});

test.run();
