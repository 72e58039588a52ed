import { suite } from "uvu";
import * as assert from "uvu/assert";
import { bytes, counted, date, listed, nats, short, time, whole } from "../../src/figures/text.ts";

const test = suite("numbers as text");

test("nats", () => {
  assert.equal([nats(104.196), nats(-0.5), nats(0)], ["104.20", "−0.50", "0.00"]);
  assert.equal([nats(undefined), nats(null), nats(Number.NaN)], ["–", "not finite", "not finite"]);
  assert.is(nats(1.5e12), "1.50e12");
});

test("whole and short numbers", () => {
  assert.equal([0, 999, 1000, -1234567].map(whole), ["0", "999", "1,000", "−1,234,567"]);
  assert.equal([0, 0.001, 3, 103.90107, 1e-7, -2.5e9].map(short), [
    "0",
    "0.001",
    "3",
    "103.9",
    "1.00e−7",
    "−2.50e9",
  ]);
  assert.equal([counted(1, "epoch"), counted(2000, "epoch")], ["1 epoch", "2,000 epochs"]);
});

test("times, dates and bytes", () => {
  assert.equal([0.44, 9.96, 59.6, 391, 7500].map(time), [
    "0.4 s",
    "10 s",
    "1 min 0 s",
    "6 min 31 s",
    "2 h 05 min",
  ]);
  assert.is(date(1795611085.2), "2026-11-25 12:51 UTC");
  assert.is(date(1e300), "unknown");
  assert.equal([0, 999, 1687040, 4e9, 5e13].map(bytes), [
    "0 B",
    "999 B",
    "1.69 MB",
    "4 GB",
    "50000 GB",
  ]);
});

test("lists", () => {
  assert.equal([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(listed), [
    "",
    "a",
    "a and b",
    "a, b and c",
  ]);
});

test.run();
