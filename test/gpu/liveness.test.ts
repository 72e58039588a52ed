import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Call, Item, Pack } from "../../src/gpu/call.ts";
import type { Device } from "../../src/gpu/device.ts";
import { dropDead, type Plan, planMemory } from "../../src/gpu/liveness.ts";
import { Value } from "../../src/gpu/value.ts";

const test = suite("liveness");

const device = {} as Device;
const value = (size = 64, label = "") => new Value(device, "f32", size, label);

/** A value that has storage: a variable. */
function variable(size = 64, buffer = {} as GPUBuffer, offset = 0): Value {
  const v = value(size, "variable");
  v.storage = { buffer, offset, bytes: v.bytes, owner: v };
  return v;
}

function call(inputs: Value[], outputs: Value[], updates: Value[] = []): Call {
  const kernel = () => assert.unreachable("planning builds no kernel") as never;
  return { op: "op", inputs, outputs, updates, kernel };
}

function pack(inputs: Value[], target: Value, offsets: number[]): Pack {
  return { op: "pack", pack: true, inputs, target, offsets };
}

function isWithin(plan: Plan, v: Value, target: Value): boolean {
  const place = plan.places.get(v);
  return !!place && "within" in place && place.within === target;
}

test("drops what nobody uses and keeps what changes variables", () => {
  const [a, b, c, d] = [value(), value(), value(), value()];
  const w = variable();
  const used = call([w], [a]);
  const dead = call([a], [b]);
  const deadToo = call([b], [c]);
  const update = call([a], [], [w]);
  const assigns = call([a], [w]);
  const packed = pack([a], w, [0]);
  const packedForNobody = pack([a], d, [0]);
  const items = [used, dead, deadToo, update, assigns, packed, packedForNobody];
  assert.equal(dropDead(items, new Set()), [used, update, assigns, packed]);
  assert.equal(dropDead(items, new Set([c])), [used, dead, deadToo, update, assigns, packed]);
});

test("a chain needs two buffers, however long it is", () => {
  const values = Array.from({ length: 20 }, () => value());
  const items = values.slice(1).map((v, i) => call([values[i]!], [v]));
  items.unshift(call([], [values[0]!]));
  const reused = planMemory(items, new Set(), true);
  assert.equal(reused.slots, [256, 256]);
  assert.is(planMemory(items, new Set(), false).slots.length, 20);
});

test("a freed buffer grows rather than that another is made", () => {
  const [a, b, c] = [value(64), value(16), value(128)];
  const items = [call([], [a]), call([a], [b]), call([b], [c]), call([c], [])];
  assert.equal(planMemory(items, new Set(), true).slots, [512, 64]);
});

test("results keep a buffer of their own", () => {
  const values = Array.from({ length: 6 }, () => value());
  const items = values.map((v, i) => call(i > 0 ? [values[i - 1]!] : [], [v]));
  const kept = values[2]!;
  const { places, slots } = planMemory(items, new Set([kept]), true);
  const place = places.get(kept) as { slot: number };
  for (const v of values)
    if (v !== kept) assert.not((places.get(v) as { slot: number }).slot === place.slot);
  assert.is(slots.length, 3);
});

test("no two values that live at once share memory, in random recordings", () => {
  const recipe = fc.array(
    fc.record({
      reads: fc.array(fc.nat(30), { maxLength: 3 }),
      writes: fc.array(fc.constantFrom(1, 16, 64, 100, 1000), { minLength: 1, maxLength: 2 }),
      keep: fc.boolean(),
    }),
    { minLength: 1, maxLength: 25 },
  );
  fc.assert(
    fc.property(recipe, (steps) => {
      const made: Value[] = [];
      const keep = new Set<Value>();
      const items: Item[] = steps.map(({ reads, writes, keep: kept }) => {
        const inputs = made.length > 0 ? reads.map((r) => made[r % made.length]!) : [];
        const outputs = writes.map((size) => value(size));
        if (kept) keep.add(outputs[0]!);
        made.push(...outputs);
        return call(inputs, outputs);
      });
      const { places, slots } = planMemory(items, keep, true);
      // Runs the recording with a note in each slot of what it holds.
      const content = new Map<number, Value>();
      for (const item of items as Call[]) {
        for (const v of item.inputs)
          assert.is(content.get((places.get(v) as { slot: number }).slot), v, "overwritten");
        for (const v of item.outputs) {
          const { slot } = places.get(v) as { slot: number };
          assert.ok(slots[slot]! >= v.bytes, "too small");
          assert.not(item.inputs.some((x) => (places.get(x) as { slot: number }).slot === slot));
          content.set(slot, v);
        }
      }
      for (const v of keep) assert.is(content.get((places.get(v) as { slot: number }).slot), v);
    }),
    { seed: 11, numRuns: 200 },
  );
});

test("packed values are produced in their place", () => {
  const arena = variable(256);
  const [a, b] = [value(64), value(64)];
  const x = variable();
  const items = [call([x], [a]), call([x], [b]), pack([a, b], arena, [0, 256])];
  const plan = planMemory(items, new Set(), true);
  assert.ok(isWithin(plan, a, arena) && isWithin(plan, b, arena));
  assert.equal(plan.slots, []);
  // Into a recorded target, too, which lives from the first producer on.
  const target = value(128);
  const more = [...items.slice(0, 2), pack([a, b], target, [0, 256]), call([target], [value()])];
  const second = planMemory(more, new Set(), true);
  assert.ok(isWithin(second, a, target) && isWithin(second, b, target));
  assert.equal(second.slots, [512, 256]);
});

test("packed values that cannot be produced in place are copied", () => {
  const check = (
    what: string,
    build: (v: Value, arena: Value, x: Value) => Item[],
    offset = 256,
  ) => {
    const [v, arena, x] = [value(64, "packed"), variable(256), variable()];
    const items = build(v, arena, x);
    const into = pack([v], arena, [offset]);
    const at = items.indexOf(HERE);
    const all = at < 0 ? [...items, into] : items.with(at, into);
    const plan = planMemory(all, new Set(), true);
    assert.not(isWithin(plan, v, arena), what);
    assert.ok(v.storage || "slot" in plan.places.get(v)!, what);
  };
  const HERE = call([], []);
  check("not aligned to 256 bytes", (v, _, x) => [call([x], [v])], 128);
  check("made by a kernel that reads the target", (v, arena) => [call([arena], [v])]);
  check("read by a kernel that writes the target", (v, arena, x) => [
    call([x], [v]),
    call([v], [], [arena]),
  ]);
  check("the target's old content is read in between", (v, arena, x) => [
    call([x], [v]),
    call([arena], [value()]),
  ]);
  check("the target is written in between", (v, arena, x) => [
    call([x], [v]),
    call([x], [], [arena]),
  ]);
  check("its place is packed over in between", (v, arena, x) => [
    call([x], [v]),
    pack([x], arena, [256]),
  ]);
  check("it is read after the target changed", (v, arena, x) => [
    call([x], [v]),
    HERE,
    call([x], [], [arena]),
    call([v], [value()]),
  ]);
  check("the target's memory is read under another name", (v, arena, x) => [
    call([x], [v]),
    call([variable(64, arena.storage!.buffer, 256)], [value()]),
  ]);
  check("made by a kernel that reads elsewhere in the target's buffer", (v, arena) => [
    call([variable(64, arena.storage!.buffer, 768)], [v]),
  ]);
  check("a variable itself", (v, arena, x) => {
    v.storage = variable().storage;
    return [call([x], [v]), call([arena], [value()])];
  });
});

test("a kernel that reads one packed value and makes another gets a copy of one", () => {
  const arena = variable(256);
  const [a, b, x] = [value(64), value(64), variable()];
  const items = [call([x], [a]), call([a], [b]), pack([a, b], arena, [0, 256])];
  const plan = planMemory(items, new Set(), true);
  assert.is(Number(isWithin(plan, a, arena)) + Number(isWithin(plan, b, arena)), 1);
  // Also when two packs share the target.
  const two = [call([x], [a]), call([a], [b]), pack([a], arena, [0]), pack([b], arena, [256])];
  const second = planMemory(two, new Set(), true);
  assert.is(Number(isWithin(second, a, arena)) + Number(isWithin(second, b, arena)), 1);
});

test.run();
