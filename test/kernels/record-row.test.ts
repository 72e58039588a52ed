import { suite } from "uvu";
import * as assert from "uvu/assert";
import { detectRaces } from "wgsl_reflect/wgsl_reflect.module.js";
import { Value } from "../../src/gpu/value.ts";
import { recordRowCall } from "../../src/kernels/record-row.ts";
import { full, tensor, variable } from "../../src/tensor/create.ts";
import { LossLog } from "../../src/train/loss-log.ts";
import { testDevice } from "../support/device.ts";
import { numbers } from "../support/products.ts";

const test = suite("recordRow");

const meanOf = (v: Float32Array): number => v.reduce((a, b) => a + b, 0) / v.length;

test("writes means into the row that the variable names, modulo the rows", async () => {
  const device = await testDevice();
  for (const count of [1, 63, 128, 300]) {
    const vectors = [numbers(count, 1), numbers(count, 2)];
    const table = variable(device, new Float32Array(6).fill(9), [3, 2], "table");
    const row = variable(device, Uint32Array.of(7), [1], "row");
    const values = vectors.map((v) => tensor(device, v).value);
    device.emit(recordRowCall(row.value, values, 3, table.value));
    const data = await table.data();
    assert.equal([...data.slice(0, 2), ...data.slice(4)], [9, 9, 9, 9]);
    for (const c of [0, 1])
      assert.ok(Math.abs((data[2 + c] as number) - meanOf(vectors[c] as Float32Array)) < 1e-5);
  }
});

test("more vectors than a kernel can read go to one row all the same", async () => {
  const device = await testDevice();
  const columns = Array.from({ length: 9 }, (_, c) => `c${c}`);
  const log = new LossLog(device, 3, columns);
  const vectors = columns.map((_, c) => numbers(50, c + 1));
  const row = variable(device, Uint32Array.of(5), [1], "row");
  log.write(row, Object.fromEntries(columns.map((name, c) => [name, tensor(device, vectors[c]!)])));
  const values = await log.read();
  const found = log.rowOf(values, 5);
  for (const [c, name] of columns.entries())
    assert.ok(Math.abs(found[name]! - meanOf(vectors[c] as Float32Array)) < 1e-5, name);
  assert.ok(
    values.slice(0, 18).every((x) => x === 0),
    "other rows are left alone",
  );
});

test("the last kernel of a step moves the place on, into the next epoch behind the last batch", async () => {
  const device = await testDevice();
  const columns = Array.from({ length: 8 }, (_, c) => `c${c}`);
  const log = new LossLog(device, 4, columns);
  const terms = Object.fromEntries(columns.map((c, k) => [c, full(device, [5], k)]));
  const words = Uint32Array.of(6, 99, 3, 20, 1, 99); // the step, [epoch, offset of the batch], the stage's step
  const place = variable(device, words, [6], "place");
  const advance = { position: 2, stageStep: 4, batch: 10, end: 40 };
  const seen: number[][] = [];
  for (let n = 0; n < 3; n++) {
    log.write(place, terms, advance);
    seen.push([...(await place.data())]);
  }
  assert.equal(seen, [
    [7, 99, 3, 30, 2, 99],
    [8, 99, 4, 0, 3, 99],
    [9, 99, 4, 10, 4, 99],
  ]);
  const table = await log.read();
  const rows = [4, 5, 6, 7, 8].map((step) => log.rowOf(table, step).c7);
  assert.equal(rows, [7, 0, 7, 7, 7], "steps 6, 7 and 8, the last in the row of step 4");
});

test("has no race, but has one without its barriers", async () => {
  const device = await testDevice();
  const count = 100;
  const value = (dtype: "f32" | "u32", size: number) => new Value(device, dtype, size, "value");
  const call = recordRowCall(
    value("u32", 1),
    [value("f32", count), value("f32", count)],
    2,
    value("f32", 4),
  );
  const { code } = call.kernel();
  const buffers = () => ({
    0: Uint32Array.of(1),
    1: numbers(count, 1),
    2: numbers(count, 2),
    3: new Float32Array(4),
  });
  const bound = buffers();
  const { races, errors } = detectRaces(code, "main", [1, 1, 1], { 0: bound });
  assert.equal(errors, []);
  assert.is(races.length, 0);
  assert.ok(Math.abs((bound[3][2] as number) - meanOf(bound[1])) < 1e-5);
  const moving = recordRowCall(
    value("u32", 6),
    [value("f32", count), value("f32", count)],
    2,
    value("f32", 4),
    0,
    { position: 2, stageStep: 4, batch: 10, end: 40 },
  );
  const place = Uint32Array.of(1, 99, 3, 30, 6, 99);
  const { 0: _, ...rest } = buffers();
  const shifted = { 0: rest[1], 1: rest[2], 2: rest[3], 3: place };
  const moved = detectRaces(moving.kernel().code, "main", [1, 1, 1], { 0: shifted });
  assert.equal([moved.errors, moved.races.length], [[], 0]);
  assert.equal([...place], [2, 99, 4, 0, 7, 99]);
  const open = code.replaceAll("workgroupBarrier();", "");
  assert.ok(detectRaces(open, "main", [1, 1, 1], { 0: buffers() }).races.length > 0);
});

test.run();
