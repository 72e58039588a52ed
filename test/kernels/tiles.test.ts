import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AdapterKind } from "../../src/gpu/adapter.ts";
import type { Device } from "../../src/gpu/device.ts";
import { type Target, targetOf } from "../../src/gpu/target.ts";
import { Value } from "../../src/gpu/value.ts";
import { conv2dCalls, conv2dInputGradientCalls } from "../../src/kernels/conv2d.ts";
import { conv2dWeightGradientCalls } from "../../src/kernels/conv2d-weight-gradient.ts";
import { matmulCalls } from "../../src/kernels/matmul.ts";
import { chooseTile, tileVariants } from "../../src/kernels/tiles.ts";
import {
  onTunableKernel,
  parseVariant,
  type TunableKernel,
  type Variant,
} from "../../src/kernels/variants.ts";
import { readTextures, testDevice } from "../support/device.ts";

const test = suite("register tiles");
readTextures(test);

/** The device as if its adapter were of another kind; nothing is run on it. */
function posingAs(device: Device, kind: AdapterKind): Device {
  return Object.create(device, { target: { value: targetAs(device, kind) } });
}

function targetAs(device: Device, kind: AdapterKind): Target {
  const target = targetOf(kind, device.has);
  if (target.textures.leastLoads < Number.POSITIVE_INFINITY) target.textures.leastLoads = 0;
  return target;
}

test("are the largest that the bound permits, or the smallest where none is", () => {
  const budget = { accumulators: 64, threads: 1, characters: 1 };
  assert.equal(chooseTile(budget, 1024, 1024, [16, 8, 4], [16, 8, 4]), { rows: 8, cols: 8 });
  assert.equal(chooseTile({ ...budget, accumulators: 1 }, 64, 64, [8, 4], [8, 4]), {
    rows: 4,
    cols: 4,
  });
});

test("shrink until there are threads enough", () => {
  const budget = { accumulators: 128, threads: 64, characters: 1 };
  const { rows, cols } = chooseTile(budget, 32, 32, [8, 4, 2, 1], [8, 4]);
  assert.ok((32 / rows) * (32 / cols) >= 32);
});

test("are small for small products where compiling takes long", async () => {
  const real = await testDevice();
  const chosen = (kind: "llvmpipe" | "swiftshader", k: number) => {
    const search = { m: 64, n: 64, flops: 2 * 64 * 64 * k, rowStep: 1, columnStep: 4 } as const;
    const [first] = tileVariants(targetAs(real, kind), { ...search, threads: 1 });
    return (first?.rows ?? 0) * (first?.cols ?? 0);
  };
  assert.is(chosen("swiftshader", 127), 32);
  assert.is(chosen("swiftshader", 128), 128);
  assert.is(chosen("llvmpipe", 127), 128);
});

test("keep the unrolled text of matrix products within what each kind of adapter bears", async () => {
  const real = await testDevice();
  for (const kind of ["gpu", "llvmpipe", "swiftshader", "other"] as const) {
    const device = posingAs(real, kind);
    const bound = device.target.tiles.characters;
    const value = (size: number) => new Value(device, "f32", size, "value");
    for (const [m, k, n] of [
      [512, 512, 512],
      [130, 66, 3137],
    ] as const)
      for (const transposeA of [false, true])
        for (const transposeB of [false, true]) {
          const g = { batch: 1, m, n, k, transposeA, transposeB };
          const [a, b, c] = [value(m * k), value(k * n), value(m * n)];
          const asked: TunableKernel[] = [];
          const end = onTunableKernel(device.variants, (kernel) => asked.push(kernel));
          const calls = [...matmulCalls("matmul", a, b, g, c)];
          end();
          for (const text of asked[0]?.candidates ?? [])
            calls.push(...matmulCalls("matmul", a, b, g, c, parseVariant(text)));
          assert.ok((asked[0]?.candidates.length ?? 0) > 1, "there is a choice");
          for (const call of calls)
            assert.ok(call.kernel().code.length <= bound, `${kind}: ${call.op} ${m}x${k}x${n}`);
        }
  }
});

test("keep the unrolled text within what each kind of adapter bears", async () => {
  const real = await testDevice();
  for (const kind of ["gpu", "llvmpipe", "swiftshader", "other"] as const) {
    const device = posingAs(real, kind);
    const bound = device.target.tiles.characters;
    const value = (size: number) => new Value(device, "f32", size, "value");
    for (const [inC, outC] of [
      [1, 32],
      [64, 64],
      [5, 7],
      [64, 1],
    ] as const) {
      const g = {
        ...{ batch: 128, inH: 28, inW: 28, inC, outH: 14, outW: 14, outC },
        ...{ kernelH: 7, kernelW: 7, strideH: 2, strideW: 2, padTop: 2, padLeft: 2 },
      };
      const x = value(g.batch * 28 * 28 * inC);
      const w = value(49 * inC * outC);
      const y = value(g.batch * 14 * 14 * outC);
      const calls = [
        ...conv2dCalls("conv", x, w, g, y),
        ...conv2dInputGradientCalls("conv", y, w, g, x),
        ...conv2dWeightGradientCalls("conv", x, y, g, w),
      ];
      for (const call of calls) assert.ok(call.kernel().code.length <= bound);
      const asked: TunableKernel[] = [];
      const end = onTunableKernel(device.variants, (kernel) => asked.push(kernel));
      conv2dCalls("conv", x, w, g, y);
      conv2dInputGradientCalls("conv", y, w, g, x);
      conv2dWeightGradientCalls("conv", x, y, g, w);
      end();
      const make = [
        (v: Variant) => conv2dCalls("conv", x, w, g, y, v),
        (v: Variant) => conv2dInputGradientCalls("conv", y, w, g, x, v),
        (v: Variant) => conv2dWeightGradientCalls("conv", x, y, g, w, v),
      ];
      for (const [i, { candidates }] of asked.entries())
        for (const text of candidates)
          for (const call of make[i]?.(parseVariant(text) as Variant) ?? [])
            assert.ok(call.kernel().code.length <= bound, `${kind}: ${call.op} ${text}`);
    }
  }
});

test.run();
