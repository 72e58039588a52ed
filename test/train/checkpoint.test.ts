import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CheckpointError } from "../../src/gpu/errors.ts";
import {
  checkpointShape,
  fromCheckpoint,
  type ParameterLayout,
  toCheckpoint,
} from "../../src/train/checkpoint.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("checkpoint layouts");

/** Row-major index. */
const at = (shape: readonly number[], ...index: number[]) =>
  index.reduce((sum, i, axis) => sum * shape[axis]! + i, 0);

/** Distinct small whole numbers, so that sums of products are exact. */
const numbers = (count: number, start = 1) =>
  Float32Array.from({ length: count }, (_, i) => ((start + i * 7) % 31) - 15);

const size = fc.integer({ min: 1, max: 4 });

test("conv: [KH, KW, Cin, Cout] becomes [Cout, Cin, KH, KW]", () => {
  fc.assert(
    fc.property(size, size, size, size, (kh, kw, cin, cout) => {
      const layout = { kind: "conv", shape: [kh, kw, cin, cout] } as const;
      const values = numbers(kh * kw * cin * cout);
      const target = checkpointShape(layout);
      assert.equal(target, [cout, cin, kh, kw]);
      const got = toCheckpoint(values, layout);
      for (let o = 0; o < cout; o++)
        for (let i = 0; i < cin; i++)
          for (let y = 0; y < kh; y++)
            for (let x = 0; x < kw; x++) {
              assert.is(got[at(target, o, i, y, x)], values[at(layout.shape, y, x, i, o)]);
            }
    }),
  );
});

test("a transposed convolution gives the same result in both conventions", () => {
  const side = fc.integer({ min: 1, max: 3 });
  fc.assert(
    fc.property(side, side, side, size, size, side, (height, width, cin, kh, cout, stride) => {
      const kw = Math.max(1, kh - 1);
      const layout = { kind: "convTranspose", shape: [kh, kw, cout, cin] } as const;
      const weight = numbers(kh * kw * cout * cin);
      const image = numbers(height * width * cin, 5);
      const outHeight = (height - 1) * stride + kh;
      const outWidth = (width - 1) * stride + kw;
      // The engine's: the gradient with respect to the input [OH, OW, Cout] of the convolution
      // with weight [KH, KW, Cout, Cin] whose output gradient is `image` [H, W, Cin].
      const engine = new Float32Array(outHeight * outWidth * cout);
      // conv: out[y, x, i] = Σ in[y·s + ky, x·s + kx, o] · w[ky, kx, o, i]; ⟨out, image⟩ by `in`:
      for (let oy = 0; oy < outHeight; oy++)
        for (let ox = 0; ox < outWidth; ox++)
          for (let o = 0; o < cout; o++)
            for (let y = 0; y < height; y++)
              for (let x = 0; x < width; x++) {
                const ky = oy - y * stride;
                const kx = ox - x * stride;
                if (ky < 0 || ky >= kh || kx < 0 || kx >= kw) continue;
                for (let i = 0; i < cin; i++) {
                  engine[at([outHeight, outWidth, cout], oy, ox, o)]! +=
                    image[at([height, width, cin], y, x, i)]! *
                    weight[at(layout.shape, ky, kx, o, i)]!;
                }
              }
      // PyTorch's: each input pixel stamps its kernel, weight [Cin, Cout, KH, KW], on [C, H, W].
      const target = checkpointShape(layout);
      assert.equal(target, [cin, cout, kh, kw]);
      const stamp = toCheckpoint(weight, layout);
      const torch = new Float32Array(engine.length);
      for (let i = 0; i < cin; i++)
        for (let y = 0; y < height; y++)
          for (let x = 0; x < width; x++)
            for (let o = 0; o < cout; o++)
              for (let ky = 0; ky < kh; ky++)
                for (let kx = 0; kx < kw; kx++) {
                  torch[at([cout, outHeight, outWidth], o, y * stride + ky, x * stride + kx)]! +=
                    image[at([height, width, cin], y, x, i)]! * stamp[at(target, i, o, ky, kx)]!;
                }
      for (let o = 0; o < cout; o++)
        for (let y = 0; y < outHeight; y++)
          for (let x = 0; x < outWidth; x++) {
            assert.is(
              torch[at([cout, outHeight, outWidth], o, y, x)],
              engine[at([outHeight, outWidth, cout], y, x, o)],
            );
          }
    }),
    { numRuns: 60 },
  );
});

test("linear layers beside a flatten see the image in C, H, W order", () => {
  fc.assert(
    fc.property(size, size, size, size, (height, width, channels, units) => {
      const flat = height * width * channels;
      const image = [height, width, channels] as const;
      const values = numbers(flat * units);
      const input = numbers(flat, 3);
      const after: ParameterLayout = { kind: "linear", shape: [flat, units], flattenIn: image };
      assert.equal(checkpointShape(after), [units, flat]);
      const torch = toCheckpoint(values, after);
      for (let u = 0; u < units; u++) {
        let ours = 0;
        let theirs = 0;
        for (let k = 0; k < flat; k++) ours += input[k]! * values[k * units + u]!;
        for (let y = 0; y < height; y++)
          for (let x = 0; x < width; x++)
            for (let c = 0; c < channels; c++) {
              const pixel = input[at(image, y, x, c)]!;
              theirs += pixel * torch[u * flat + at([channels, height, width], c, y, x)]!;
            }
        assert.is(theirs, ours);
      }
      const before: ParameterLayout = { kind: "linear", shape: [units, flat], flattenOut: image };
      const bias: ParameterLayout = { kind: "vector", shape: [flat], flattenOut: image };
      const weight = toCheckpoint(values, before);
      const shift = toCheckpoint(input, bias);
      for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
          for (let c = 0; c < channels; c++) {
            const ours = at(image, y, x, c);
            const theirs = at([channels, height, width], c, y, x);
            assert.is(shift[theirs], input[ours]);
            for (let u = 0; u < units; u++) {
              assert.is(weight[theirs * units + u], values[u * flat + ours]);
            }
          }
    }),
    { numRuns: 50 },
  );
});

test("plain vectors and linear weights", () => {
  const values = numbers(6);
  assert.equal(toCheckpoint(values, { kind: "vector", shape: [6] }), values);
  const turned = toCheckpoint(Float32Array.of(1, 2, 3, 4, 5, 6), { kind: "linear", shape: [2, 3] });
  assert.equal([...turned], [1, 4, 2, 5, 3, 6]);
});

test("every layout survives the round trip", () => {
  const layouts: ParameterLayout[] = [
    { kind: "conv", shape: [3, 2, 4, 5] },
    { kind: "convTranspose", shape: [2, 3, 5, 4] },
    { kind: "linear", shape: [24, 5], flattenIn: [2, 3, 4] },
    { kind: "linear", shape: [5, 24], flattenOut: [2, 3, 4] },
    { kind: "linear", shape: [24, 12], flattenIn: [2, 3, 4], flattenOut: [3, 2, 2] },
    { kind: "vector", shape: [24], flattenOut: [2, 3, 4] },
    { kind: "vector", shape: [0] },
  ];
  for (const layout of layouts) {
    const values = Float32Array.from({ length: layout.shape.reduce((a, b) => a * b) }, (_, i) => i);
    const there = toCheckpoint(values, layout);
    assert.equal(fromCheckpoint(there, layout), values);
    assert.is(new Set(there).size, values.length);
  }
});

test("refuses layouts that contradict themselves", async () => {
  const bad = (layout: ParameterLayout, count: number, pattern: RegExp) =>
    rejects(() => toCheckpoint(new Float32Array(count), layout), CheckpointError, pattern);
  await bad({ kind: "conv", shape: [3, 3, 2] }, 18, /conv of shape \[3, 3, 2\], expected 4 axes/);
  await bad({ kind: "linear", shape: [2, 3] }, 5, /\[2, 3\] has 6 values, got 5/);
  const image = [2, 2, 2] as const;
  await bad({ kind: "linear", shape: [6, 3], flattenIn: image }, 18, /flattenIn .* does not fit/);
  await bad({ kind: "vector", shape: [6], flattenOut: image }, 6, /flattenOut .* does not fit/);
  await bad({ kind: "vector", shape: [8], flattenIn: image }, 8, /flattenIn .* does not fit/);
  await bad({ kind: "conv", shape: [1, 1, 8, 8], flattenIn: image }, 64, /does not fit/);
});

test.run();
