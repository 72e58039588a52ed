import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Call, type Item, isPack, writtenBy } from "../../src/gpu/call.ts";
import type { Device } from "../../src/gpu/device.ts";
import { ItemList, placeOf, readBy } from "../../src/gpu/item-list.ts";
import { sharesMemory, Value } from "../../src/gpu/value.ts";

const test = suite("list of a recording's items");

/** Values of which the first have storage: two in one buffer that overlap, one behind them, one elsewhere. */
function someValues(): Value[] {
  const values = Array.from({ length: 8 }, () => new Value({} as Device, "f32", 64, ""));
  const [shared, other] = [{} as GPUBuffer, {} as GPUBuffer];
  for (const [i, offset, buffer] of [
    [0, 0, shared],
    [1, 128, shared],
    [2, 512, shared],
    [3, 0, other],
  ] as const)
    values[i]!.storage = { buffer, offset, bytes: 256, owner: {} };
  return values;
}

test("answers what looking at all items would, while items go and are replaced", () => {
  const some = (most: number) => fc.uniqueArray(fc.nat(7), { maxLength: most });
  const shape = fc.record({
    inputs: some(3),
    outputs: some(2),
    updates: some(1),
    pack: fc.boolean(),
  });
  const change = fc.record({ at: fc.nat(11), by: fc.option(shape) });
  fc.assert(
    fc.property(
      fc.array(shape, { minLength: 1, maxLength: 12 }),
      fc.array(change, { maxLength: 8 }),
      (shapes, changes) => {
        const values = someValues();
        const at = (indices: readonly number[]) => indices.map((i) => values[i]!);
        const make = (of: (typeof shapes)[number]): Item =>
          of.pack && of.outputs.length > 0
            ? { op: "", pack: true, inputs: at(of.inputs), target: at(of.outputs)[0]!, offsets: [] }
            : ({
                inputs: at(of.inputs),
                outputs: at(of.outputs),
                updates: at(of.updates),
              } as unknown as Call);
        const plain: (Item | undefined)[] = shapes.map(make);
        const list = new ItemList(plain as Item[]);
        for (const { at: place, by } of changes) {
          if (place >= plain.length) continue;
          plain[place] = by === null ? undefined : make(by);
          if (by === null) list.remove(place);
          else list.replace(place, plain[place] as Item);
        }
        assert.equal(
          list.toItems(),
          plain.filter((item) => item !== undefined),
        );
        const found = (test: (item: Item, i: number) => boolean) =>
          plain.flatMap((item, i) => (item && test(item, i) ? [i] : []));
        const end = plain.length;
        for (let from = 0; from <= end; from++) {
          const next = plain.findIndex((item, i) => i >= from && item);
          assert.is(list.next(from), next < 0 ? end : next);
          for (const v of values) {
            const within = (test: (x: Value) => boolean, of: (item: Item) => readonly Value[]) =>
              found((item, i) => i >= from && i < end - 1 && of(item).some(test)).length > 0;
            const shares = (x: Value) => sharesMemory(v, x);
            const same = (x: Value) => placeOf(x) === placeOf(v);
            assert.is(list.isRead(v, from, end - 1), within(shares, readBy));
            assert.is(list.isWritten(v, from, end - 1), within(shares, writtenBy));
            assert.is(list.writesTo(placeOf(v), from, end - 1), within(same, writtenBy));
            const both = (item: Item) => [...readBy(item), ...writtenBy(item)];
            assert.is(list.touches(placeOf(v), from, end - 1), within(same, both));
            const behind = found((item, i) => i > from && readBy(item).includes(v)).length > 0;
            assert.is(list.isReadBehind(v, from), behind);
          }
        }
        for (const v of values) {
          assert.equal(
            list.readersOf(v),
            found((item) => item.inputs.includes(v)),
          );
          assert.equal(
            list.writersOf(v),
            found((item) => writtenBy(item).includes(v)),
          );
          const makers = found((item) => !isPack(item) && item.outputs.includes(v));
          assert.is(list.makerOf(v), makers[0]);
        }
      },
    ),
  );
});

test.run();
