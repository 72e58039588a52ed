/**
 * Measures how far functions and sums are off, and prints the table of docs/numerics.md for the
 * running adapter: with --verbose it is shown.
 */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../src/gpu/device.ts";
import { BOUNDS, type Bound, numberText, tableRows } from "../support/accuracy.ts";
import { testDevice } from "../support/device.ts";

const test = suite("accuracy");

let device: Device;
test.before(async () => {
  device = await testDevice();
});

const measured = new Map<Bound, number>();

for (const entry of BOUNDS)
  test(`${entry.name} of ${entry.range}`, async () => {
    const { measure, bound, error } = entry;
    const off = await error(device);
    measured.set(entry, off);
    assert.ok(off <= bound, `${measure} error ${off}, more than ${bound}`);
  });

test.after(() => {
  const { name, runtime } = device.adapter;
  const rows = tableRows().map(({ heads, bounds }) => {
    const largest = Math.max(...bounds.map((b) => measured.get(b) ?? Number.NaN));
    return `${heads} ${numberText(largest)} |`;
  });
  console.log(`\n${name}, ${runtime}\n${rows.join("\n")}`);
});

test.run();
