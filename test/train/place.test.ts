import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DeviceImages, ShuffledBatches } from "../../src/data/loader.ts";
import type { Device } from "../../src/gpu/device.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { full, variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { Calendar } from "../../src/train/calendar.ts";
import { LossLog } from "../../src/train/loss-log.ts";
import { TrainingPlace } from "../../src/train/place.ts";
import { countCreates } from "../support/count-creates.ts";

const test = suite("place in training");

/** Three batches of three an epoch; the step does nothing but move its place on. */
async function opened(device: Device, calendar = new Calendar(3)) {
  const split = { images: new Uint8Array(10 * 4), labels: new Uint8Array(10), count: 10 };
  const images = new DeviceImages(device, split, { height: 2, width: 2, channels: 1 });
  const batches = new ShuffledBatches(images, 3, [1, 2]);
  const step = variable(device, Uint32Array.of(1), [1], "step");
  const place = new TrainingPlace(step, batches, calendar);
  const { program } = await record(device, () =>
    new LossLog(device, 8, ["loss"]).write(
      place.words,
      { loss: full(device, [3], 1) },
      place.advance,
    ),
  );
  const counts = countCreates(device);
  return {
    program,
    step,
    /** The words that step n begins with, and whether they had to be uploaded. */
    async begin(n: number): Promise<[number, number, number, boolean]> {
      const before = counts.uploads;
      place.moveTo(n);
      const uploaded = counts.uploads > before;
      const [[s], [epoch, offset]] = (await Promise.all([
        step.data(),
        batches.position.data(),
      ])) as [Uint32Array, Uint32Array];
      return [s as number, epoch as number, offset as number, uploaded];
    },
    queue() {
      program.run();
      place.moved();
    },
  };
}

test("is uploaded for the first step, and moved by the steps themselves from then on", async () => {
  const device = await openDevice();
  const { begin, queue } = await opened(device);
  const seen: unknown[] = [];
  for (let n = 2; n <= 8; n++) {
    seen.push(await begin(n));
    queue();
  }
  assert.equal(seen, [
    [2, 0, 3, true],
    [3, 0, 6, false],
    [4, 1, 0, false],
    [5, 1, 3, false],
    [6, 1, 6, false],
    [7, 2, 0, false],
    [8, 2, 3, false],
  ]);
  device.close();
});

test("epochs begin anew where a run went on with other data", async () => {
  const device = await openDevice();
  const calendar = new Calendar(4);
  calendar.beginSpan({ step: 6, epochs: 1, stepsPerEpoch: 3 });
  const { begin, queue } = await opened(device, calendar);
  const seen: unknown[] = [];
  for (let n = 7; n <= 10; n++) {
    seen.push(await begin(n));
    queue();
  }
  assert.equal(seen, [
    [7, 1, 0, true],
    [8, 1, 3, false],
    [9, 1, 6, false],
    [10, 2, 0, false],
  ]);
  device.close();
});

test("is uploaded where another step is next, or something else may have moved it", async () => {
  const device = await openDevice();
  const { begin, queue, program, step } = await opened(device);
  const following = async (n: number) => {
    await begin(n - 1);
    queue();
  };
  await following(5);
  assert.equal(await begin(9), [9, 2, 6, true], "another step");
  await following(5);
  program.run();
  assert.equal(await begin(5), [5, 1, 3, true], "the program was run by somebody else");
  await following(5);
  await program.profile(1);
  assert.equal(await begin(5), [5, 1, 3, true], "it was profiled");
  await following(5);
  program.runEager();
  assert.equal(await begin(5), [5, 1, 3, true], "its ops were run one by one");
  await following(5);
  step.set(Uint32Array.of(77));
  assert.equal(await begin(5), [5, 1, 3, true], "an upload");
  await following(5);
  assert.equal(await begin(5), [5, 1, 3, false], "nothing of the kind");
  assert.equal(await begin(5), [5, 1, 3, false], "asked for twice");
  device.close();
});

test.run();
