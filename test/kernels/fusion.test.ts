import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { conv2d } from "../../src/autograd/ops/conv2d.ts";
import {
  abs,
  add,
  clamp,
  div,
  exp,
  log,
  maximum,
  mul,
  neg,
  relu,
  sigmoid,
  softplus,
  sqrt,
  square,
  sub,
  tanh,
} from "../../src/autograd/ops/elementwise.ts";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import { mean } from "../../src/autograd/ops/reduce.ts";
import { reshape, transpose } from "../../src/autograd/ops/shape.ts";
import { broadcastTo, sum } from "../../src/autograd/ops/sum.ts";
import { grad } from "../../src/autograd/tape.ts";
import type { Device } from "../../src/gpu/device.ts";
import { apply, constant, input } from "../../src/kernels/expression.ts";
import { mapCall } from "../../src/kernels/map.ts";
import { contiguousView } from "../../src/kernels/view.ts";
import { full, ones, parameter, variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { emptyResult, type Tensor } from "../../src/tensor/tensor.ts";
import { readTextures, testDevice } from "../support/device.ts";
import { seeded } from "../support/expressions.ts";
import { checkFused } from "../support/fused.ts";
import { handCall } from "../support/kernels.ts";
import { numbers } from "../support/products.ts";

const test = suite("fusion");
readTextures(test);

let device: Device;
test.before(async () => {
  device = await testDevice();
});

function random(shape: readonly number[], seed: number): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  return variable(device, numbers(length, seed), shape, `x${seed}`);
}

test("a chain becomes one kernel", async () => {
  const x = random([4, 6], 1);
  await checkFused(device, "chain", () => sub(tanh(add(mul(x, 2), 1)), sigmoid(x)), 1);
  await checkFused(device, "chain with a reshape", () => neg(reshape(exp(x), [3, 8])), 1);
  await checkFused(device, "broadcasts", () => mul(add(x, random([6], 2)), random([4, 1], 3)), 1);
});

test("a result in the middle of a chain is stored by the same kernel", async () => {
  const x = random([5, 8], 1);
  await checkFused(
    device,
    "middle",
    () => {
      const y = exp(x);
      const z = mul(y, 2);
      return [y, add(z, y), z];
    },
    1,
  );
});

test("a result with several readers is computed once where they meet", async () => {
  const x = random([64], 1);
  await checkFused(
    device,
    "diamond",
    () => {
      const y = softplus(x);
      return add(mul(y, 2), square(y));
    },
    1,
  );
});

test("constants need no kernel, however they are broadcast", async () => {
  const x = random([3, 4], 1);
  await checkFused(device, "ones", () => add(x, ones(device, [3, 4])), 1);
  await checkFused(
    device,
    "broadcast",
    () => mul(x, broadcastTo(full(device, [1, 4], 3), [3, 4])),
    1,
  );
  await checkFused(device, "a scalar", () => mul(x, mul(full(device, [], 3), 2)), 1);
  await checkFused(device, "only constants", () => exp(add(ones(device, [5]), 1)), 1);
  await checkFused(device, "infinite", () => maximum(x, log(full(device, [3, 4], 0))), 1);
});

test("what cannot be merged is left alone", async () => {
  const x = random([6, 4], 1);
  await checkFused(device, "a transpose reads another order", () => add(transpose(exp(x)), 1), 2);
  await checkFused(device, "a broadcast would compute anew", () => add(x, exp(random([4], 2))), 2);
  const many = Array.from({ length: 9 }, (_, i) => random([16], 10 + i));
  await checkFused(
    device,
    "more than eight buffers",
    () => many.map((t) => exp(t)).reduce((a, b) => add(a, b)),
    2,
  );
  await checkFused(
    device,
    "an opaque kernel between",
    () => {
      const y = exp(x);
      const out = emptyResult(device, "opaque", [24]);
      const body = "if (i < 24u) { out0[i] = in0[i] + 1.0; }";
      device.emit(handCall({ op: "opaque", inputs: [y.value], outputs: [out.value], body }));
      return add(reshape(out, [6, 4]), y);
    },
    3,
  );
});

test("long chains are cut where compilers would suffer", async () => {
  const x = random([32], 1);
  const { program } = await record(device, () => {
    let y = x;
    for (let i = 0; i < 150; i++) y = add(mul(y, 0.9), 0.01);
    return y;
  });
  assert.ok(program.statistics.dispatches >= 3 && program.statistics.dispatches <= 12);
  program.release();
  await checkFused(device, "long", () => {
    let y = x;
    for (let i = 0; i < 60; i++) y = add(mul(y, 0.9), 0.01);
    return y;
  });
});

test("an update between two maps keeps them apart", async () => {
  const v = variable(device, new Float32Array(64).fill(1), [64], "v");
  const { program, result } = await record(device, () => {
    const before = mul(v, 10);
    device.emit(handCall({ op: "double", updates: [v.value], body: "out0[i] *= 2.0;" }));
    const after = add(before, v);
    device.emit({ op: "assign", pack: true, inputs: [after.value], target: v.value, offsets: [0] });
    return add(after, v);
  });
  program.run();
  assert.is((await result.data())[63], 24); // 10 + 2, twice
  program.run();
  assert.is((await result.data())[63], 288); // 120 + 24, twice
  program.release();
});

test("a map never writes a variable that it reads", async () => {
  const v = variable(device, Float32Array.of(1, 2, 3, 4), [4], "v");
  const { program } = await record(device, () => {
    const next = add(mul(v, 2), 1);
    device.emit({ op: "assign", pack: true, inputs: [next.value], target: v.value, offsets: [0] });
  });
  assert.equal([program.statistics.dispatches, program.statistics.copies], [1, 1]);
  program.run();
  program.run();
  assert.equal([...(await v.data())], [7, 11, 15, 19]);
  program.release();
});

test("a map that stores into a variable is not given that variable to read", async () => {
  const v = variable(device, Float32Array.of(1, 2, 3, 4), [4], "v");
  const arena = variable(device, new Float32Array(128), [128], "arena");
  const part = variable(device, new Float32Array(4), [4], "part");
  device.rehome(part.value, arena.value, 256);
  const store = (x: Tensor, target: Tensor) =>
    device.emit(
      mapCall("store", {
        shape: [4],
        inputs: [contiguousView(x.value, [4])],
        outputs: [{ value: target.value, expression: apply("add", input(0), constant(1)) }],
      }),
    );
  const head = variable(device, new Float32Array(4), [4], "head");
  device.rehome(head.value, arena.value, 0);
  const { program } = await record(device, () => {
    store(mul(v, 2), v);
    store(mul(v, 10), head);
    store(mul(head, 2), part); // another part of the same buffer
  });
  // v·2 alone; what follows goes into the kernel that stores v, which has its new value at hand.
  assert.is(program.statistics.dispatches, 2);
  program.run();
  assert.equal([...(await v.data())], [3, 5, 7, 9]);
  assert.equal([...(await head.data())], [31, 51, 71, 91]);
  assert.equal([...(await part.data())], [63, 103, 143, 183]);
  program.release();
});

test("u32 results are rounded before they are read", async () => {
  const x = random([8], 1);
  const whole = () => {
    const out = emptyResult(device, "whole", [8], "u32");
    device.emit(
      handCall({
        op: "whole",
        inputs: [x.value],
        outputs: [out.value],
        body: "if (i < 8u) { out0[i] = u32(abs(in0[i]) * 10.0); }",
      }),
    );
    return transpose(reshape(out, [2, 4]));
  };
  await checkFused(device, "u32", () => mul(whole(), 0.5));
});

test("matmul, convolution and reductions take maps in", async () => {
  const [a, b, bias] = [random([6, 8], 1), random([8, 12], 2), random([12], 3)];
  await checkFused(device, "matmul", () => relu(add(matmul(a, b), bias)), 1);
  const [x, w, c] = [random([2, 6, 6, 3], 4), random([3, 3, 3, 8], 5), random([8], 6)];
  await checkFused(device, "conv2d", () => tanh(add(conv2d(x, w, { stride: 2 }), c)), 1);
  await checkFused(device, "sum", () => sum(square(sub(a, 0.5)), 1), 1);
  await checkFused(device, "mean", () => exp(mean(mul(a, a), 0)), 1);
  await checkFused(device, "kept before the sum", () => {
    const y = exp(a);
    return [y, sum(y)];
  });
});

test("a whole training step agrees with its ops one by one", async () => {
  const x = random([16, 10], 1);
  const make = (shape: readonly number[], seed: number) =>
    parameter(device, numbers(shape[0]! * (shape[1] ?? 1), seed), shape, `w${seed}`);
  const [w1, b1, w2, b2] = [make([10, 12], 2), make([12], 3), make([12, 5], 4), make([5], 5)];
  await checkFused(device, "step", () => {
    const h = relu(add(matmul(x, w1), b1));
    const y = sigmoid(add(matmul(h, w2), b2));
    const loss = mean(square(sub(y, 0.25)));
    return [loss, ...grad(loss, [w1, b1, w2, b2])];
  });
});

/** A random recording: maps of several shapes, reductions, transposes and results in between. */
function randomBody(seed: number): () => Tensor[] {
  const shape = [[4, 6], [3, 8], [12, 5], [7], [2, 3, 4]][seed % 5]!;
  const leaves = [
    random(shape, 100 + seed),
    random(shape.slice(-1), 200 + seed),
    random([], 300 + seed),
  ];
  const opaque = (x: Tensor): Tensor => {
    const out = emptyResult(device, "opaque", x.shape);
    const body = `if (i < ${x.size}u) { out0[i] = in0[i] * 0.5; }`;
    device.emit(handCall({ op: "opaque", inputs: [x.value], outputs: [out.value], body }));
    return out;
  };
  return () => {
    const next = seeded(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
    const all = [...leaves, full(device, [], 0.5), ones(device, shape)];
    const kept: Tensor[] = [];
    const count = 4 + Math.floor(next() * 10);
    for (let i = 0; i < count; i++) {
      const [a, b] = [pick(all), pick(all)];
      const kind = next();
      let y: Tensor;
      if (kind < 0.35) y = pick([tanh, sigmoid, softplus, abs, neg, square])(a);
      else if (kind < 0.75) y = tanh(fits(a, b) ? pick([add, sub, mul, maximum])(a, b) : add(a, 1));
      else if (kind < 0.8) y = clamp(a, -0.5, 0.5);
      else if (kind < 0.85) y = div(a, add(sqrt(add(square(a), 1)), 1));
      else if (kind < 0.9) y = reshape(a, [a.size]);
      else if (kind < 0.95) y = a.rank > 0 ? mean(a, a.rank - 1) : exp(neg(square(a)));
      else y = opaque(a);
      all.push(y);
      if (next() < 0.25) kept.push(y);
    }
    return [all.at(-1) as Tensor, ...kept];
  };
}

function fits(a: Tensor, b: Tensor): boolean {
  for (let k = 1; k <= Math.min(a.rank, b.rank); k++) {
    const [m, n] = [a.shape.at(-k), b.shape.at(-k)];
    if (m !== n && m !== 1 && n !== 1) return false;
  }
  return true;
}

test("random recordings agree with their ops one by one, and replays with eager runs", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1e6), async (seed) => {
      await checkFused(device, `seed ${seed}`, randomBody(seed));
    }),
    { seed: 31, numRuns: 30, endOnFailure: true },
  );
});

/** As above, with variables that change, and an arena that values are packed into. */
function randomUpdates(seed: number): { body: () => Tensor[]; reset: () => void } {
  const n = 64;
  const arena = random([4 * n], 400 + seed);
  const parts = [0, 1].map((k) => {
    const part = random([n], 500 + seed + k);
    device.rehome(part.value, arena.value, 4 * n * (2 * k));
    return part;
  });
  const free = random([n], 600 + seed);
  const start = [numbers(4 * n, 700 + seed), numbers(n, 800 + seed)];
  const reset = () => {
    arena.set(start[0]!);
    free.set(start[1]!);
  };
  const assign = (target: Tensor, x: Tensor, place: number) =>
    device.emit({
      op: "assign",
      pack: true,
      inputs: [x.value],
      target: target.value,
      offsets: [place * 4],
    });
  const body = () => {
    const next = seeded(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T;
    const all = [...parts, free];
    for (let i = 0; i < 14; i++) {
      const kind = next();
      if (kind < 0.6) {
        const [a, b] = [pick(all), pick(all)];
        all.push(next() < 0.5 ? tanh(add(a, mul(b, 0.5))) : sub(b, sigmoid(a)));
      } else if (kind < 0.7) {
        const target = pick([arena, ...parts, free]);
        const groups = target.size / 64;
        const body = "out0[i] = out0[i] * 0.75;";
        device.emit(handCall({ op: "decay", updates: [target.value], body, groups }));
      } else if (kind < 0.8) assign(pick([...parts, free]), pick(all), 0);
      else if (kind < 0.9) assign(arena, pick(all), pick([0, 1, 2, 3, 0.5, 1.25]) * n);
      else {
        const out = emptyResult(device, "opaque", [n]);
        const inputs = [pick(all).value];
        const body = "out0[i] = 0.5 - in0[i];";
        device.emit(handCall({ op: "opaque", inputs, outputs: [out.value], body }));
        all.push(out);
      }
    }
    return [mul(arena, 1), mul(free, 1), all.at(-1) as Tensor, pick(all.slice(2)), arena, free];
  };
  return { body, reset };
}

test("changes of variables keep their order in random recordings", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1e6), async (seed) => {
      const { body, reset } = randomUpdates(seed);
      await checkFused(device, `seed ${seed}`, body, undefined, reset);
    }),
    { seed: 32, numRuns: 20, endOnFailure: true },
  );
});

test.run();
