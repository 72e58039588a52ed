import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { KernelSource } from "../../src/gpu/call.ts";
import { Value } from "../../src/gpu/value.ts";
import {
  apply,
  constant,
  type Expression,
  evaluateExpression,
  input,
} from "../../src/kernels/expression.ts";
import { mapCall } from "../../src/kernels/map.ts";
import { collapseAxes, contiguousStrides, sizeOf } from "../../src/kernels/view.ts";
import { tensor } from "../../src/tensor/create.ts";
import { testDevice } from "../support/device.ts";
import { randomExpression, seeded } from "../support/expressions.ts";
import { numbers } from "../support/products.ts";
import { type HostView, runMap } from "../support/run-map.ts";

const test = suite("map kernel");

/** Element i of a view, row-major in `shape`. */
function at(view: HostView, shape: readonly number[], i: number): number {
  let rest = i;
  let place = view.offset;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    place += (rest % shape[axis]!) * view.strides[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return view.data[place]!;
}

async function check(
  shape: readonly number[],
  views: readonly HostView[],
  expressions: readonly Expression[],
): Promise<KernelSource> {
  const device = await testDevice();
  const { results, source } = await runMap(device, shape, views, expressions);
  for (const [k, expression] of expressions.entries())
    for (let i = 0; i < sizeOf(shape); i++) {
      const want = evaluateExpression(
        expression,
        views.map((view) => at(view, shape, i)),
      );
      const got = results[k]![i]!;
      if (!(Math.abs(got - want) <= 2e-3 * (1 + Math.abs(want))))
        assert.unreachable(`[${shape}] output ${k} element ${i}: ${got} instead of ${want}`);
    }
  return source;
}

/** A view of random data: broadcast, permuted or sliced, as `kinds` say axis by axis. */
function randomView(shape: readonly number[], random: () => number): HostView {
  const style = Math.floor(random() * 4);
  const order = shape.map((_, i) => i);
  if (style === 1) order.sort(() => random() - 0.5);
  const strides = new Array<number>(shape.length).fill(0);
  let step = style === 2 ? 1 + Math.floor(random() * 3) : 1;
  for (const axis of order.reverse()) {
    if (style === 3 && random() < 0.5) continue; // broadcast along this axis
    strides[axis] = step;
    step *= shape[axis]! + (style === 2 ? Math.floor(random() * 2) * 4 : 0);
  }
  const offset = style === 2 ? Math.floor(random() * 3) * 2 : 0;
  const last = shape.reduce((sum, n, i) => sum + (n - 1) * strides[i]!, offset);
  return { data: numbers(last + 1, Math.floor(random() * 1e6)), offset, strides };
}

const length = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 12);
const shapes = fc.array(length, { maxLength: 4 }).filter((shape) => sizeOf(shape) <= 2000);

test("agrees with float64 for random shapes, views and expressions", async () => {
  const widths = new Set<string>();
  await fc.assert(
    fc.asyncProperty(shapes, fc.nat(1e6), async (shape, seed) => {
      const random = seeded(seed);
      const views = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
        randomView(shape, random),
      );
      const outputs = 1 + Math.floor(random() * 2);
      const { code } = await check(
        shape,
        views,
        Array.from({ length: outputs }, () => randomExpression(random, views.length)),
      );
      widths.add(code.match(/const WIDTH = (\du);/)![1]!);
    }),
    { seed: 21, numRuns: 50 },
  );
  assert.equal([...widths].sort(), ["1u", "4u"], "both paths were tried");
});

test("reads four elements at once where rows allow it, and only there", async () => {
  const sum = apply("add", input(0), input(1));
  const full = (shape: readonly number[]): HostView => ({
    data: numbers(sizeOf(shape), 3),
    offset: 0,
    strides: contiguousStrides(shape),
  });
  const vector = /array<vec4<f32>>/g;
  const shape = [3, 8];
  const loads = async (view: HostView, at = shape) => {
    const { code } = await check(at, [full(at), view], [sum]);
    return (code.match(vector) ?? []).length;
  };
  assert.is(await loads({ data: numbers(24), offset: 0, strides: [8, 1] }), 3, "as it lies");
  assert.is(await loads({ data: numbers(8), offset: 0, strides: [0, 1] }), 3, "a row for each");
  assert.is(await loads({ data: numbers(28), offset: 4, strides: [8, 1] }), 3, "an even slice");
  assert.is(await loads({ data: numbers(27), offset: 3, strides: [8, 1] }), 2, "an odd slice");
  assert.is(await loads({ data: numbers(27), offset: 0, strides: [9, 1] }), 2, "odd rows");
  assert.is(await loads({ data: numbers(24), offset: 0, strides: [1, 3] }), 2, "transposed");
  assert.is(await loads({ data: numbers(3), offset: 0, strides: [1, 0] }), 2, "a number a row");
  assert.is(await loads({ data: numbers(1), offset: 0, strides: [0, 0] }), 2, "one number");
  assert.is(await loads({ data: numbers(21), offset: 0, strides: [7, 1] }, [3, 7]), 0, "odd");
});

test("folds a grid of more than 65,535 workgroups", async () => {
  const device = await testDevice();
  const usual = device.target.loneThreads;
  device.target.loneThreads = 64;
  const rows = 65_536 * 64 + 7;
  const data = numbers(rows + 1, 5);
  // A view that steps over an element cannot be read four at a time.
  const view = { data: data.subarray(0, rows), offset: 0, strides: [1] };
  const { results, source } = await runMap(
    device,
    [rows],
    [view],
    [apply("mul", input(0), constant(2))],
  ).finally(() => {
    device.target.loneThreads = usual;
  });
  assert.equal(source.workgroups, [32769, 2, 1]);
  for (const i of [0, 1, 63, 64, 32769 * 64 - 1, 32769 * 64, 65_535 * 64, rows - 1])
    assert.is(results[0]![i], 2 * data[i]!, `element ${i}`);
  assert.is(results[0]!.length, rows);
});

test("u32 values move with all their bits, and count as numbers elsewhere", async () => {
  const device = await testDevice();
  for (const shape of [[6], [2, 4]]) {
    const whole = Uint32Array.from({ length: sizeOf(shape) }, (_, i) => 0xfffffff0 + i);
    const moved = new Value(device, "u32", sizeOf(shape), "moved");
    const view = {
      value: tensor(device, whole).value,
      offset: 0,
      strides: contiguousStrides(shape),
    };
    const outputs = [{ value: moved, expression: input(0) }];
    device.emit(mapCall("move", { shape, inputs: [view], outputs }));
    assert.equal(new Uint32Array(await device.read(moved)), whole);
    const small = Uint32Array.from(whole, (_, i) => i);
    const half = new Value(device, "f32", sizeOf(shape), "half");
    const double = new Value(device, "u32", sizeOf(shape), "double");
    device.emit(
      mapCall("scale", {
        shape,
        inputs: [{ ...view, value: tensor(device, small).value }],
        outputs: [
          { value: half, expression: apply("mul", input(0), constant(0.5)) },
          { value: double, expression: apply("mul", input(0), constant(2)) },
        ],
      }),
    );
    assert.equal(
      [...new Float32Array(await device.read(half))],
      [...small].map((x) => x / 2),
    );
    assert.equal(
      [...new Uint32Array(await device.read(double))],
      [...small].map((x) => x * 2),
    );
  }
});

test("constants may be NaN, infinite or the result of other constants", async () => {
  const device = await testDevice();
  const none = apply("log", constant(0));
  const expressions = [
    constant(Number.NaN),
    constant(Number.POSITIVE_INFINITY),
    none,
    apply("add", apply("mul", constant(3), constant(4)), input(0)),
    apply("max", input(0), constant(1e39)),
    apply("div", constant(1), constant(0)),
  ];
  for (const n of [3, 4]) {
    const view = { data: new Float32Array(n).fill(2), offset: 0, strides: [1] };
    const { results } = await runMap(device, [n], [view], expressions);
    const word = (k: number) => new Uint32Array(results[k]!.buffer)[n - 1]!;
    assert.ok((word(0) & 0x7fffffff) > 0x7f800000);
    assert.is(word(1), 0x7f800000);
    assert.is(word(2), 0xff800000);
    assert.is(results[3]![n - 1], 14);
    assert.is(word(4), 0x7f800000);
    assert.is(word(5), 0x7f800000);
  }
});

test("NaN and infinities that are only moved keep their bits", async () => {
  const device = await testDevice();
  const words = Uint32Array.of(0x7fc00001, 0xffc12345, 0x7f800000, 0xff800000, 0x80000000, 1, 0, 0);
  const data = new Float32Array(words.buffer);
  const { results } = await runMap(device, [8], [{ data, offset: 0, strides: [1] }], [input(0)]);
  const got = new Uint32Array(results[0]!.buffer);
  assert.equal([...got.slice(0, 5)], [...words.slice(0, 5)]);
});

test("axes collapse where every view walks them evenly", () => {
  const collapse = (shape: number[], ...strides: number[][]) =>
    collapseAxes(
      shape,
      strides.map((s) => ({ strides: s })),
    );
  assert.equal(collapse([2, 3, 4], [12, 4, 1]), { shape: [24], strides: [[1]] });
  assert.equal(collapse([2, 1, 4], [4, 9, 1], [0, 0, 0]), { shape: [8], strides: [[1], [0]] });
  assert.equal(collapse([2, 3], [3, 1], [0, 1]), {
    shape: [2, 3],
    strides: [
      [3, 1],
      [0, 1],
    ],
  });
  assert.equal(collapse([1, 1], [5, 7]), { shape: [], strides: [[]] });
});

test.run();
