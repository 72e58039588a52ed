import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type RandomKey, randomNormal, randomUniform } from "../../src/autograd/ops/random.ts";
import type { Device } from "../../src/gpu/device.ts";
import { DTypeError, ShapeError } from "../../src/gpu/errors.ts";
import { Value } from "../../src/gpu/value.ts";
import {
  normalPair,
  type PhiloxOptions,
  philox,
  philoxCall,
  type Seed,
  seedWords,
  unitFloat,
  type Words4,
} from "../../src/kernels/philox.ts";
import { tensor, variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("philox");

/** Random123's published answers for philox4x32-10: counter, key, result. */
const KNOWN: readonly [Words4, Seed, Words4][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

const SEED: Seed = [0x12345678, 0x9abcdef0];

function stepTensor(device: Device, step: number): Tensor<"u32"> {
  return variable(device, Uint32Array.of(step), [1], "step");
}

async function words(device: Device, step: number, size: number, options: PhiloxOptions) {
  const y = new Value(device, "u32", size, "words");
  device.emit(philoxCall("words", options, stepTensor(device, step).value, y));
  return Array.from(await Tensor.of<"u32">(device, y, [size]).data());
}

test("gives the published numbers on the host", () => {
  for (const [counter, key, result] of KNOWN) assert.equal(philox(counter, key), result);
});

test("gives the published numbers on the device", async () => {
  const device = await testDevice();
  for (const [[first, step, stream, domain], seed, result] of KNOWN) {
    const options = { kind: "words", first, stream, domain, seed } as const;
    assert.equal(await words(device, step, 4, options), result);
  }
});

test("gives the same words on device and host, for every block", async () => {
  const device = await testDevice();
  const size = 1001;
  const actual = await words(device, 77, size, { kind: "words", stream: 5, seed: SEED });
  const wanted = Array.from({ length: Math.ceil(size / 4) }, (_, b) =>
    philox([b, 77, 5, 0], SEED),
  ).flat();
  assert.equal(actual, wanted.slice(0, size));
});

test("gives the same uniform numbers on device and host, to the bit", async () => {
  const device = await testDevice();
  for (const [shape, size] of [
    [[], 1],
    [[3], 3],
    [[5, 7, 19], 665],
  ] as const) {
    const key: RandomKey = { seed: SEED, step: stepTensor(device, 3), stream: 9 };
    const u = randomUniform(device, shape, key);
    assert.equal(u.shape, shape);
    const wanted = Array.from({ length: Math.ceil(size / 4) }, (_, b) =>
      philox([b, 3, 9, 0], SEED).map(unitFloat),
    ).flat();
    assert.equal(await u.data(), Float32Array.from(wanted.slice(0, size)));
  }
});

test("gives normal numbers as the host does, as accurately as sine and logarithm are", async () => {
  const device = await testDevice();
  const key: RandomKey = { seed: SEED, step: stepTensor(device, 1), stream: 0 };
  const actual = await randomNormal(device, [4000], key).data();
  for (let b = 0; b < 1000; b++) {
    const [w0, w1, w2, w3] = philox([b, 1, 0, 0], SEED);
    for (const [k, wanted] of [...normalPair(w0, w1), ...normalPair(w2, w3)].entries()) {
      const error = Math.abs((actual[4 * b + k] as number) - wanted);
      // WGSL: cos within 2⁻¹¹; the radius is at most 5.8.
      assert.ok(error < 5.8 * 2 ** -11 + 1e-4, `element ${4 * b + k}: off by ${error}`);
    }
  }
});

test("normal numbers have the moments and tails of the normal distribution", async () => {
  const device = await testDevice();
  const n = 200_000;
  const key: RandomKey = { seed: seedWords(11), step: stepTensor(device, 1), stream: 0 };
  const x = await randomNormal(device, [n], key).data();
  const moment = (k: number) => x.reduce((sum, v) => sum + v ** k, 0) / n;
  // Within five standard errors: 1, √2, √15 and √96 over √n.
  for (const [k, wanted, deviation] of [
    [1, 0, 1],
    [2, 1, 1.42],
    [3, 0, 3.88],
    [4, 3, 9.8],
  ] as const)
    assert.ok(Math.abs(moment(k) - wanted) < (5 * deviation) / Math.sqrt(n), `moment ${k}`);
  // P(|x| > 2) = 0.0455, P(|x| > 4) = 6.3e-5; neighbours do not correlate.
  const beyond = (limit: number) => x.filter((v) => Math.abs(v) > limit).length;
  assert.ok(Math.abs(beyond(2) / n - 0.0455) < 0.0024);
  assert.ok(beyond(4) > 0 && beyond(4) < 35);
  const correlation = x.reduce((sum, v, i) => sum + v * (x[(i + 1) % n] as number), 0) / n;
  assert.ok(Math.abs(correlation) < 5 / Math.sqrt(n));
});

test("seed, step and stream each give other numbers", async () => {
  const device = await testDevice();
  const keys: [Seed, number, number][] = [
    [[1, 0], 1, 0],
    [[2, 0], 1, 0],
    [[1, 1], 1, 0],
    [[1, 0], 2, 0],
    [[1, 0], 1, 1],
  ];
  const draws = await Promise.all(
    keys.map(([seed, step, stream]) =>
      randomUniform(device, [64], { seed, step: stepTensor(device, step), stream }).data(),
    ),
  );
  for (const [i, a] of draws.entries())
    for (const b of draws.slice(i + 1)) {
      const shared = a.filter((v) => b.includes(v)).length;
      assert.is(shared, 0);
    }
});

test("a replayed program draws new numbers when the step changes, and the same for the same", async () => {
  const device = await testDevice();
  const step = stepTensor(device, 1);
  const { program, result } = await record(device, () =>
    randomNormal(device, [100], { seed: SEED, step, stream: 2 }),
  );
  const draw = async (number: number) => {
    step.set(Uint32Array.of(number));
    program.run();
    return result.data();
  };
  const [first, second, again] = [await draw(1), await draw(2), await draw(1)];
  assert.not.equal(first, second);
  assert.equal(first, again);
  program.release();
});

test("shapes without elements and keys that make no sense", async () => {
  const device = await testDevice();
  const key: RandomKey = { seed: SEED, step: stepTensor(device, 1), stream: 0 };
  assert.is((await randomUniform(device, [0, 4], key).data()).length, 0);
  const draw = (changes: Partial<RandomKey>) => () =>
    randomNormal(device, [2], { ...key, ...changes });
  const step = tensor(device, [1]);
  await rejects(
    draw({ step: step as never }),
    DTypeError,
    /^randomNormal: step holds f32, wanted u32$/,
  );
  const long = tensor(device, new Uint32Array(2));
  await rejects(draw({ step: long }), ShapeError, /step is \[2\], expected 1/);
  await rejects(draw({ seed: [-1, 0] }), DTypeError, /seed -1 is no u32/);
  await rejects(draw({ stream: 2 ** 32 }), DTypeError, /stream 4294967296 is no u32/);
  await rejects(() => randomUniform(device, [-1], key), ShapeError, /\[-1\] is no shape/);
});

test.run();
