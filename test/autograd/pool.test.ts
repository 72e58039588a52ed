import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkGradients } from "../../src/autograd/check.ts";
import { square, tanh } from "../../src/autograd/ops/elementwise.ts";
import { avgPool2d, maxPool2d, type PoolOptions, upsample2d } from "../../src/autograd/ops/pool.ts";
import { sum } from "../../src/autograd/ops/sum.ts";
import { grad, track } from "../../src/autograd/tape.ts";
import { ShapeError } from "../../src/gpu/errors.ts";
import { tensor } from "../../src/tensor/create.ts";
import { testDevice } from "../support/device.ts";
import { assertClose, build, forAll, type Host, randomHost, upload } from "../support/host.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("pooling");

/** Elements of each window that lie in the image. */
function windows(
  x: Host,
  window: readonly number[],
  stride: readonly number[],
  pad: readonly (readonly [number, number])[],
  f: (elements: number[]) => number,
): Host {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const out = [height, width].map(
    (n, a) => Math.floor((n + pad[a]![0] + pad[a]![1] - window[a]!) / stride[a]!) + 1,
  );
  return build([batch, ...out, channels], ([n, oh, ow, c]) => {
    const elements: number[] = [];
    for (let kh = 0; kh < window[0]!; kh++)
      for (let kw = 0; kw < window[1]!; kw++) {
        const h = oh! * stride[0]! + kh - pad[0]![0];
        const w = ow! * stride[1]! + kw - pad[1]![0];
        if (h >= 0 && h < height && w >= 0 && w < width)
          elements.push(x.data[((n! * height + h) * width + w) * channels + c!]!);
      }
    return f(elements);
  });
}

const largest = (e: number[]) => Math.max(...e);
const average = (e: number[]) => e.reduce((a, b) => a + b, 0) / e.length;

test("both poolings agree with float64 for random windows, strides and paddings", async () => {
  const cases = fc.record({
    size: fc.tuple(fc.constantFrom(4, 5, 7), fc.constantFrom(4, 6, 9)),
    channels: fc.constantFrom(1, 3, 4, 8),
    window: fc.tuple(fc.constantFrom(1, 2, 3), fc.constantFrom(2, 3, 4)),
    stride: fc.tuple(fc.constantFrom(1, 2, 3), fc.constantFrom(1, 2)),
    front: fc.boolean(),
    behind: fc.boolean(),
  });
  await forAll(cases, async ({ size, channels, window, stride, front, behind }) => {
    const x = randomHost([2, ...size, channels], 4);
    const pad = window.map(
      (k) => [front ? k - 1 : 0, behind ? Math.floor(k / 2) : 0] as [number, number],
    );
    const [[top, bottom], [left, right]] = pad as [[number, number], [number, number]];
    const options: PoolOptions = { window, stride, padding: { top, bottom, left, right } };
    const data = await upload(x);
    const what = JSON.stringify(options);
    await assertClose(maxPool2d(data, options), windows(x, window, stride, pad, largest), what, 0);
    await assertClose(avgPool2d(data, options), windows(x, window, stride, pad, average), what);
  });
});

test("same padding gives ⌈input / stride⌉, with the odd place behind", async () => {
  const x = randomHost([1, 5, 6, 2], 5);
  const y = maxPool2d(await upload(x), { window: 2, padding: "same" });
  assert.equal(y.shape, [1, 3, 3, 2]);
  await assertClose(
    y,
    windows(
      x,
      [2, 2],
      [2, 2],
      [
        [0, 1],
        [0, 0],
      ],
      largest,
    ),
    "same",
    0,
  );
});

test("nearest upsampling repeats pixels", async () => {
  const x = randomHost([2, 3, 2, 3], 6);
  const want = build([2, 6, 6, 3], ([n, h, w, c]) => {
    return x.data[((n! * 3 + Math.floor(h! / 2)) * 2 + Math.floor(w! / 3)) * 3 + c!]!;
  });
  await assertClose(upsample2d(await upload(x), [2, 3]), want, "upsample2d", 0);
});

test("derivatives, first and second, with windows that overlap and leave gaps", async () => {
  // Numbers 0.1 apart in a scattered order, so that no step changes which one is the largest.
  for (const channels of [1, 4]) {
    const shape = [1, 5, 6, channels];
    const x = await upload(
      build(shape, ([, h, w, c]) => ((7 * ((h! * 6 + w!) * channels + c!)) % 121) * 0.1 - 3),
    );
    for (const options of [
      { window: 2 },
      { window: 3, stride: 2, padding: 1 },
      { window: [1, 2] as const, stride: [3, 1] as const },
    ]) {
      await checkGradients((t) => tanh(avgPool2d(t, options)), [x], { second: true });
      await checkGradients((t) => square(maxPool2d(t, options)), [x], {
        second: true,
        epsilon: 0.005,
      });
    }
    await checkGradients((t) => square(upsample2d(t)), [x], { second: true });
  }
});

test("equal elements: the first one gets the derivative", async () => {
  const device = await testDevice();
  const x = track(tensor(device, Float32Array.of(1, 2, 2, 2), [1, 2, 2, 1]));
  const [g] = grad(sum(maxPool2d(x)), [x]);
  assert.equal([...(await g!.data())], [0, 1, 0, 0]);
});

test("windows and paddings that do not fit are refused", async () => {
  const x = await upload(randomHost([1, 3, 3, 1]));
  await rejects(() => maxPool2d(x, { window: 4 }), ShapeError, /maxPool2d: a 4×4 window/);
  await rejects(() => avgPool2d(x, { padding: 2 }), ShapeError, /avgPool2d: padding 2/);
  await rejects(
    () => avgPool2d(x, { stride: 0 }),
    ShapeError,
    /stride is 0, wanted a whole number from 1 on/,
  );
  const flat = await upload(randomHost([9]));
  await rejects(() => upsample2d(flat), ShapeError, /upsample2d: \[9\]/);
});

test.run();
