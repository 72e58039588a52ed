/** Every kernel of the benchmarks is compared with its definition before it is timed. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { adamCase } from "../../src/bench/cases/adam.ts";
import { conv2dCases, convTranspose2dCases } from "../../src/bench/cases/conv.ts";
import { mapCasesOf, randomNormalCase } from "../../src/bench/cases/map.ts";
import { matmulCase } from "../../src/bench/cases/matmul.ts";
import { batchNormCase, batchNormGradientCase } from "../../src/bench/cases/norm.ts";
import { softmaxCase, sumCase } from "../../src/bench/cases/reduce.ts";
import { tapsOnPixels } from "../../src/bench/conv-layers.ts";
import {
  checkCase,
  findError,
  type KernelCase,
  nameOfCase,
  releaseCase,
  sampledElements,
} from "../../src/bench/kernel-case.ts";
import { kernelCases, measureKernel, variantOf } from "../../src/bench/kernels.ts";
import { LatentgradError } from "../../src/gpu/errors.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("kernel cases");

test("a convolution counts the multiply-adds that meet pixels", () => {
  const layer = { batch: 2, large: [14, 28, 3], small: [7, 28, 5], kernel: 3, stride: 2 } as const;
  assert.is(tapsOnPixels(layer, 0), 20, "the last place's last tap meets padding");
  const even = { ...layer, small: [14, 28, 5], stride: 1 } as const;
  assert.is(tapsOnPixels(even, 0), 40, "a tap at either end meets padding");
  assert.is(tapsOnPixels({ ...even, kernel: 1 }, 1), 28);
  for (const { flops } of [...conv2dCases(even), ...convTranspose2dCases(even)])
    assert.is(flops, 2 * 2 * 40 * 82 * 3 * 5);
});

const layer = {
  batch: 2,
  large: [6, 6, 4],
  small: [3, 3, 8],
  kernel: 3,
  stride: 2,
} as const;
const odd = { batch: 3, large: [5, 4, 1], small: [5, 4, 3], kernel: 3, stride: 1 } as const;

/** Each family in small shapes. */
const small: readonly KernelCase[] = [
  matmulCase(8, 12, 16),
  matmulCase(5, 7, 3, "at"),
  matmulCase(8, 12, 4, "bt"),
  matmulCase(6, 4, 10, "at-bt"),
  ...conv2dCases(layer),
  ...convTranspose2dCases(odd),
  sumCase("rows", 6, 20),
  sumCase("columns", 20, 6),
  sumCase("all", 20, 6),
  softmaxCase(4, 12),
  ...mapCasesOf(64),
  randomNormalCase(64),
  batchNormCase([2, 3, 4, 8]),
  batchNormGradientCase([2, 3, 4, 8]),
  adamCase(256),
];

test("there is a small one of every kind", () => {
  const names = (cases: readonly KernelCase[]) => [...new Set(cases.map((c) => c.name))].sort();
  assert.equal(names(small), names(kernelCases));
});

test("names tell the cases apart", () => {
  const names = kernelCases.map(nameOfCase);
  assert.is(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^kernel\/[a-z0-9-]+\/[a-z0-9-]+$/);
});

for (const kernel of small)
  test(`${nameOfCase(kernel)} is right, and found out where it is not`, async () => {
    const device = await testDevice();
    const built = await kernel.build(device);
    const inputs = await Promise.all(built.inputs.map((t) => t.data()));
    built.program.run();
    const outputs = await Promise.all(built.outputs.map((t) => t.data()));
    assert.is(findError(kernel, inputs, outputs), undefined);
    // Small results are compared whole: any element alone gives it away.
    for (const [output, values] of outputs.entries())
      for (const element of [0, values.length >> 1, values.length - 1]) {
        const replaced = (value: number) =>
          outputs.map((o, k) => (k === output ? o.map((x, i) => (i === element ? value : x)) : o));
        const value = values[element]!;
        for (const wrong of [value + 0.05, Number.NaN]) {
          const error = findError(kernel, inputs, replaced(wrong));
          assert.match(error ?? "", `element ${element} is ${Math.fround(wrong)}`);
        }
      }
    releaseCase(device, built);
  });

test("a kernel that computes something else is not timed", async () => {
  const device = await testDevice();
  const kernel = matmulCase(8, 8, 8);
  const wrong: KernelCase = {
    ...kernel,
    // The product of other operands than those that the check is told of.
    build: async (on) => {
      const built = await kernel.build(on);
      const inputs = built.inputs.map((t) => t);
      const [a] = await Promise.all(inputs.map((t) => t.data()));
      const told = async () => a!.map((x) => -x);
      const stale = { ...built, inputs: [{ ...inputs[0], data: told }, inputs[1]] };
      return stale as unknown as typeof built;
    },
  };
  await rejects(
    () => measureKernel(device, wrong, 1),
    LatentgradError,
    /^wrong result: kernel\/matmul\/8x8x8: element \d+ is /,
  );
});

test("samples of a large result reach all of it", () => {
  assert.equal(sampledElements(4, 1), [0, 1, 2, 3]);
  const size = 2 ** 22;
  const samples = sampledElements(size, 4096);
  assert.ok(samples.length >= 500);
  assert.ok(samples.every((i) => Number.isInteger(i) && i >= 0 && i < size));
  const sorted = [...new Set(samples)].sort((a, b) => a - b);
  assert.is(sorted[0], 0);
  assert.is(sorted.at(-1), size - 1);
  const gaps = sorted.slice(1).map((i, k) => i - sorted[k]!);
  assert.ok(Math.max(...gaps) < (4 * size) / samples.length, `${Math.max(...gaps)}`);
  assert.ok(new Set(samples.map((i) => i % 64)).size > 48, "all columns of a tile");
});

test("what is timed is named", async () => {
  const device = await testDevice();
  const kernel = matmulCase(8, 8, 8);
  const timing = await measureKernel(device, kernel, 2);
  assert.is(timing.name, "kernel/matmul/8x8x8");
  assert.is(timing.flops, 1024);
  assert.is(timing.bytes, 768);
  assert.is(timing.runs, 2);
  assert.ok(timing.ms > 0);
  assert.match(timing.variant, /^registers \d+x\d+(, textures)?$/);
});

test("a variant's name is the kernel's own", () => {
  const step = (op: string, variant?: string, textures = 0) => ({
    kind: "dispatch",
    op,
    source: variant === undefined ? {} : { variant },
    textures: Array(textures),
  });
  const steps = [step("a", "tile 8×8", 2), step("a", "tile 8×8", 2), step("sum"), step("b")];
  const program = { steps } as unknown as Parameters<typeof variantOf>[0];
  assert.is(variantOf(program), "tile 8×8, textures + sum + b");
});

test("checks name what is wrong", async () => {
  const device = await testDevice();
  const kernel = sumCase("all", 4, 4);
  const built = await kernel.build(device);
  await checkCase(kernel, built);
  releaseCase(device, built);
});

test.run();
