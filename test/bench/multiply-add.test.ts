import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  describeMultiplyAdd,
  expectedSums,
  factorsOf,
  isRight,
  type MultiplyAdd,
  measureMultiplyAdd,
  stepsOf,
} from "../../src/bench/multiply-add.ts";
import { openDevice } from "../../src/gpu/open.ts";

const test = suite("multiply-adds");

const chained: MultiplyAdd = {
  type: "vec4f",
  accumulators: 2,
  unroll: 16,
  form: "chained",
  fused: true,
  workgroup: 64,
};
const ways: MultiplyAdd[] = [
  chained,
  { ...chained, type: "f32", accumulators: 8, fused: false },
  { ...chained, form: "crossed", workgroup: 32 },
];

test("the host knows what the steps come to", () => {
  for (const way of [...ways, { ...chained, type: "vec4h" } as const]) {
    const numbers = factorsOf(way);
    const width = way.type === "f32" ? 1 : 4;
    const sums = Array.from({ length: 32 }, (_, thread) =>
      expectedSums(way, numbers, thread % 16),
    ).flat();
    const results = Float32Array.from(sums);
    assert.ok(isRight(way, numbers, results), describeMultiplyAdd(way));
    for (const [k, value] of results.entries()) {
      if (k % 9 !== 0) continue;
      const wrong = Float32Array.from(results);
      wrong[k] = value * 1.01;
      assert.not.ok(isRight(way, numbers, wrong), `component ${k} of ${width}`);
    }
    assert.not.ok(
      isRight(
        way,
        numbers,
        results.map(() => Number.NaN),
      ),
    );
  }
});

test("a result tells of every share of the steps", () => {
  for (const way of [...ways, { ...chained, type: "vec4h" } as const]) {
    const numbers = factorsOf(way);
    const after = (steps: number) =>
      Float32Array.from(
        Array.from({ length: 16 }, (_, thread) => expectedSums(way, numbers, thread, steps)).flat(),
      );
    const all = stepsOf(way);
    assert.ok(isRight(way, numbers, after(all)), describeMultiplyAdd(way));
    for (const steps of [0, all / 2, (all * 15) / 16, (all * 17) / 16])
      assert.not.ok(isRight(way, numbers, after(steps)), `${steps}: ${describeMultiplyAdd(way)}`);
  }
});

test("the adapter is timed when its results are right", async () => {
  const device = await openDevice();
  for (const way of ways) {
    const gflops = await measureMultiplyAdd(device, way, { runs: 1, groupMs: 1 });
    assert.ok(gflops > 0.01 && gflops < 1e7, `${describeMultiplyAdd(way)}: ${gflops}`);
  }
  device.close();
});

test.run();
