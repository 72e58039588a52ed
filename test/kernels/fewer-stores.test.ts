import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  add,
  exp,
  mul,
  sigmoid,
  softplus,
  square,
  sub,
  tanh,
} from "../../src/autograd/ops/elementwise.ts";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import { randomNormal, randomUniform } from "../../src/autograd/ops/random.ts";
import { mean } from "../../src/autograd/ops/reduce.ts";
import { pad, reshape, slice, split } from "../../src/autograd/ops/shape.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad, track } from "../../src/autograd/tape.ts";
import type { Device } from "../../src/gpu/device.ts";
import { full, variable } from "../../src/tensor/create.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { readTextures, testDevice } from "../support/device.ts";
import { seeded } from "../support/expressions.ts";
import { checkFused } from "../support/fused.ts";
import { handCall } from "../support/kernels.ts";
import { numbers } from "../support/products.ts";

const test = suite("fewer stores");
readTextures(test);

let device: Device;
test.before(async () => {
  device = await testDevice();
});

function random(shape: readonly number[], seed: number): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  return variable(device, numbers(length, seed), shape, `x${seed}`);
}

test("a scalar's expression is computed where it is read", async () => {
  const [x, y, beta] = [random([6, 4], 1), random([128, 5], 2), random([], 3)];
  const weight = () => mul(mul(full(device, [], 0.25), beta), 2);
  await checkFused(
    device,
    "two shapes",
    () => {
      const w = weight();
      return [mul(x, w), mul(y, w)];
    },
    2,
  );
});

test("slices are read where they lie", async () => {
  const both = random([12, 6], 1);
  await checkFused(
    device,
    "both halves, each read twice",
    () => {
      const [a, b] = split(both, 1, [2, 4]) as [Tensor, Tensor];
      return [add(square(a), a), sum(mul(exp(b), b), 1)];
    },
    2,
  );
});

test("short expressions of one tensor are computed again, others once", async () => {
  const [a, b] = [random([16, 8], 1), random([16, 8], 2)];
  const readers = (y: Tensor) => [sum(mul(y, a), 1), sum(mul(y, b), 0)];
  await checkFused(device, "short", () => readers(exp(mul(a, 0.5))), 2);
  // Of two tensors: the first reader stores it for the second.
  await checkFused(device, "two tensors", () => readers(tanh(mul(a, b))), 3);
});

test("what changes between two readers is not read again", async () => {
  const v = variable(device, numbers(64, 1), [64], "v");
  const start = numbers(64, 1);
  const body = () => {
    const y = exp(v);
    const before = mul(y, 2);
    device.emit(handCall({ op: "double", updates: [v.value], body: "out0[i] *= 2.0;" }));
    return [before, add(y, 1)];
  };
  await checkFused(device, "an update", body, undefined, () => {
    device.write(v.value, start);
  });
});

test("padding is written into the map that reads it, and takes the map before it", async () => {
  const [a, b] = [random([6, 2], 1), random([6, 4], 2)];
  const joined = (x: Tensor, y: Tensor) =>
    add(
      pad(x, [
        [0, 0],
        [0, 4],
      ]),
      pad(y, [
        [0, 0],
        [2, 0],
      ]),
    );
  await checkFused(device, "concatenation by padding", () => joined(exp(a), tanh(b)), 1);
  await checkFused(device, "of slices", () => joined(exp(slice(b, [0, 1], [6, 2])), add(b, 1)), 1);
  await checkFused(
    device,
    "in both axes, four at once",
    () => {
      const wide = [
        [1, 2],
        [4, 8],
      ] as const;
      return exp(pad(mul(b, 3), wide));
    },
    1,
  );
  // exp(0) = 1 outside: what is padded is the exponential, not its argument.
  await checkFused(device, "a shape without fours", () => joined(exp(a), exp(sub(b, 2))), 1);
});

test("the derivative of a split is one map", async () => {
  const both = track(random([16, 4], 1));
  await checkFused(
    device,
    "mean and variance",
    () => {
      const [mu, logVariance] = split(both, 1, [2, 2]) as [Tensor, Tensor];
      const kl = sum(sub(add(square(mu), exp(logVariance)), logVariance), 1);
      return grad(kl, [both], { dy: full(device, [16], 0.5) });
    },
    1,
  );
});

test("slices and paddings of any shape", async () => {
  const body = (seed: number) => () => {
    const next = seeded(seed);
    const whole = (n: number) => Math.floor(next() * (n + 1));
    let x = random(
      [1, 2, 3].map(() => 1 + whole(5)),
      seed,
    );
    for (let k = 0; k < 4; k++) {
      if (next() < 0.5) {
        const widths = x.shape.map(() =>
          next() < 0.5 ? ([0, 0] as const) : ([whole(3), whole(4)] as const),
        );
        x = exp(mul(pad(x, widths), 0.5));
      } else {
        const begin = x.shape.map((n) => whole(n - 1));
        x = tanh(
          slice(
            x,
            begin,
            x.shape.map((n, a) => 1 + whole(n - 1 - begin[a]!)),
          ),
        );
      }
    }
    return [x, sum(mul(x, x))];
  };
  await fc.assert(
    fc.asyncProperty(fc.nat(1e6), async (seed) => {
      await checkFused(device, `seed ${seed}`, body(seed));
    }),
    { seed: 12, numRuns: 30, endOnFailure: true },
  );
});

test("integers keep their bits when they are padded", async () => {
  const words = Uint32Array.of(0xffffffff, 1, 0x80000001, 7);
  const x = variable(device, words, [2, 2], "words");
  const y = pad(x, [
    [1, 0],
    [0, 2],
  ]);
  const [a, b, c, d] = words;
  assert.equal([...(await y.data())], [0, 0, 0, 0, a, b, 0, 0, c, d, 0, 0]);
});

test("a reduction stores its own result beside that of the map behind it", async () => {
  const [x, y] = [random([12, 7], 1), random([12], 2)];
  await checkFused(
    device,
    "rows",
    () => {
      const s = sum(square(x), 1);
      return [s, add(s, mul(y, 2))];
    },
    1,
  );
  await checkFused(
    device,
    "columns, four at once",
    () => {
      const s = mean(reshape(x, [3, 28]), 0);
      return [exp(s), s];
    },
    1,
  );
  // The product cannot: its result is stored, and a map follows.
  await checkFused(
    device,
    "a product",
    () => {
      const c = matmul(x, x, { transposeB: true });
      return [c, exp(c)];
    },
    2,
  );
});

test("random numbers take the map behind them", async () => {
  const step = variable(device, Uint32Array.of(3), [1], "step");
  const key = { seed: [1, 2] as const, step, stream: 5 };
  const [mu, sigma] = [random([8, 3], 1), random([8, 3], 2)];
  await checkFused(
    device,
    "kept",
    () => {
      const noise = randomNormal(device, [8, 3], key);
      return [add(mu, mul(sigma, noise)), noise];
    },
    1,
  );
  await checkFused(device, "not kept", () => mul(randomUniform(device, [8, 3], key), mu), 1);
  // 6 numbers are no whole vectors.
  await checkFused(device, "odd", () => exp(randomNormal(device, [6], key)), 2);
});

test("a loss and its derivative are computed in one pass", async () => {
  for (const shape of [
    [16, 8, 2, 1],
    [9, 5, 1, 3],
    [4, 300, 1, 1],
  ] as const) {
    const [x, logits] = [random(shape, 1), track(random(shape, 2))];
    const [batch] = shape;
    await checkFused(
      device,
      `${shape}`,
      () => {
        const each = sub(softplus(logits), mul(logits, x));
        const loss = sum(reshape(each, [batch, -1]), 1);
        return [loss, ...grad(loss, [logits], { dy: full(device, [batch], 1 / batch) })];
      },
      1,
    );
  }
});

test("a map is stored by a reduction over any axes", async () => {
  const x = random([4, 6, 8], 1);
  for (const axes of [[0], [1], [2], [0, 2], [0, 1], [0, 1, 2]])
    await checkFused(device, `over ${axes}`, () => [sum(square(x), axes), sigmoid(mul(x, 2))], 1);
});

test("a map that needs the reduction is not stored by it", async () => {
  const x = random([4, 8], 1);
  await checkFused(
    device,
    "softmax",
    () => {
      const total = sum(exp(x), 1, true);
      return [total, mul(x, total)];
    },
    2,
  );
});

test.run();
