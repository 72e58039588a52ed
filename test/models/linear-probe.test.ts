import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ShapeError } from "../../src/gpu/errors.ts";
import { fitLinearProbe } from "../../src/models/linear-probe.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { testDevice } from "../support/device.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("linear probe");

const classes = 3;
const dimensions = 5;

/**
 * Codes that say the class by a line between each two classes, in units that differ by 10⁶, beside a
 * dimension that never changes and one that is noise.
 */
function codesOf(count: number, seed: number) {
  const noise = new HostRandom(seed).normal(count * 3);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % classes);
  const codes = Float32Array.from({ length: count * dimensions }, (_, at) => {
    const [i, j] = [Math.floor(at / dimensions), at % dimensions];
    const angle = (2 * Math.PI * labels[i]!) / classes;
    if (j === 0) return 1000 * (4 * Math.cos(angle) + noise[3 * i]!) + 5000;
    if (j === 1) return 0.001 * (4 * Math.sin(angle) + noise[3 * i + 1]!);
    return j === 2 ? 7 : j === 3 ? noise[3 * i + 2]! : 0;
  });
  return { codes, labels, count };
}

const accuracy = (found: Uint32Array, labels: Uint8Array) =>
  found.filter((y, i) => y === labels[i]).length / labels.length;

test("finds what a linear map can find, in codes that it has not seen", async () => {
  const probe = await fitLinearProbe(await testDevice(), codesOf(300, 1), classes);
  const { codes, labels } = codesOf(600, 2);
  // The centres are 6.9 deviations apart: the best line errs once in 3,600.
  assert.ok(accuracy(probe.predict(codes), labels) >= 0.99);
});

test("finds nothing in codes that say nothing", async () => {
  const { codes, labels, count } = codesOf(900, 3);
  const shifted = labels.map((_, i) => ((i * 7919) >> 4) % classes);
  const probe = await fitLinearProbe(
    await testDevice(),
    { codes, labels: shifted, count },
    classes,
  );
  const other = codesOf(900, 4);
  const share = accuracy(probe.predict(other.codes), shifted);
  assert.ok(share < 0.45, `${share}`);
});

test("gives the same again", async () => {
  const device = await testDevice();
  const data = codesOf(60, 5);
  const { codes } = codesOf(200, 6);
  const first = (await fitLinearProbe(device, data, classes)).predict(codes);
  assert.equal((await fitLinearProbe(device, data, classes)).predict(codes), first);
});

test("says what is wrong with codes", async () => {
  const device = await testDevice();
  const { codes, labels } = codesOf(4, 1);
  await rejects(
    () => fitLinearProbe(device, { codes, labels, count: 3 }, classes),
    ShapeError,
    /20 numbers for 3 codes/,
  );
  await rejects(
    () => fitLinearProbe(device, { codes, labels, count: 4 }, 1),
    ShapeError,
    /1 classes are not two/,
  );
});

test.run();
