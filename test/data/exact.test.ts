import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cosTurns, exp2, exp10, sinTurns } from "../../src/data/exact.ts";

const test = suite("exact functions");

test("sine and cosine of turns", () => {
  for (let turns = -3; turns < 3; turns += 0.00371) {
    const angle = 2 * Math.PI * turns;
    assert.ok(Math.abs(sinTurns(turns) - Math.sin(angle)) < 2e-13, `sine of ${turns}`);
    assert.ok(Math.abs(cosTurns(turns) - Math.cos(angle)) < 2e-13, `cosine of ${turns}`);
  }
  assert.equal(
    [0, 0.25, 0.5, 0.75, 1].map(sinTurns).map(Math.round).map(Math.abs),
    [0, 1, 0, 1, 0],
  );
});

test("powers of 2 and 10", () => {
  for (let x = -30; x < 30; x += 0.0371) {
    assert.ok(Math.abs(exp2(x) / 2 ** x - 1) < 1e-14, `2 to the ${x}`);
    assert.ok(Math.abs(exp10(x / 4) / 10 ** (x / 4) - 1) < 1e-13, `10 to the ${x / 4}`);
  }
  assert.equal([-3, 0, 1, 10].map(exp2), [0.125, 1, 2, 1024]);
});

test.run();
