import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DeviceImages, ShuffledBatches } from "../../src/data/loader.ts";
import type { Device } from "../../src/gpu/device.ts";
import { ShapeError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { Adam } from "../../src/optim/adam.ts";
import { ALL_FINITE, StepState } from "../../src/optim/step-state.ts";
import { full, parameter } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { LossLog } from "../../src/train/loss-log.ts";
import { countCreates } from "../support/count-creates.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("step state");

/** Where step n is in epochs of three batches of three, of stages that begin every five steps. */
const placeOf = (n: number) => ({
  step: n,
  stageStep: ((n - 1) % 5) + 1,
  epoch: Math.floor((n - 1) / 3),
  offset: 3 * ((n - 1) % 3),
});

/** Ten images in batches of three; the step does nothing but move the state on. */
async function opened(device: Device) {
  const split = { images: new Uint8Array(10 * 4), labels: new Uint8Array(10), count: 10 };
  const images = new DeviceImages(device, split, { height: 2, width: 2, channels: 1 });
  const state = new StepState(device, { batch: 3, images: images.count });
  const batches = new ShuffledBatches(images, 3, [1, 2], state.position);
  const optimiser = new Adam(device, [parameter(device, Float32Array.of(1), [1])], {
    ...{ learningRate: 1, stepState: state },
  });
  const { program } = await record(device, () =>
    new LossLog(device, 8, ["loss"]).write(
      state.words,
      { loss: full(device, [3], 1) },
      state.advance,
    ),
  );
  const counts = countCreates(device);
  return {
    program,
    state,
    /** What step n begins with for optimiser and batches, and whether it had to be uploaded. */
    async begin(n: number): Promise<[number, number, number, number, boolean]> {
      const before = counts.uploads;
      state.moveTo(placeOf(n));
      const uploaded = counts.uploads > before;
      const { step, stageStep } = optimiser.stepState;
      const [s, k, [epoch = -1, offset = -1]] = await Promise.all([
        step.item(),
        stageStep.item(),
        batches.position.data(),
      ]);
      return [s, k, epoch, offset, uploaded];
    },
    queue() {
      program.run();
      state.advanced();
    },
  };
}

test("is uploaded for the first step and where a stage begins, and moved by the steps themselves else", async () => {
  const device = await openDevice();
  const { begin, queue } = await opened(device);
  const seen: unknown[] = [];
  for (let n = 2; n <= 8; n++) {
    seen.push(await begin(n));
    queue();
  }
  assert.equal(seen, [
    [2, 2, 0, 3, true],
    [3, 3, 0, 6, false],
    [4, 4, 1, 0, false],
    [5, 5, 1, 3, false],
    [6, 1, 1, 6, true],
    [7, 2, 2, 0, false],
    [8, 3, 2, 3, false],
  ]);
  device.close();
});

test("is uploaded where another step is next, or something else may have moved it", async () => {
  const device = await openDevice();
  const { begin, queue, program, state } = await opened(device);
  const following = async (n: number) => {
    await begin(n - 1);
    queue();
  };
  await following(5);
  assert.equal(await begin(9), [9, 4, 2, 6, true], "another step");
  await following(5);
  program.run();
  assert.equal(await begin(5), [5, 5, 1, 3, true], "the program was run by somebody else");
  await following(5);
  await program.profile(1);
  assert.equal(await begin(5), [5, 5, 1, 3, true], "it was profiled");
  await following(5);
  program.runEager();
  assert.equal(await begin(5), [5, 5, 1, 3, true], "its ops were run one by one");
  await following(5);
  state.step.set(Uint32Array.of(77));
  assert.equal(await begin(5), [5, 5, 1, 3, true], "an upload");
  await following(5);
  assert.equal(await begin(5), [5, 5, 1, 3, false], "nothing of the kind");
  assert.equal(await begin(5), [5, 5, 1, 3, false], "asked for twice");
  const later = { ...placeOf(5), offset: 6 };
  state.moveTo(later);
  assert.equal(await begin(5), [5, 5, 1, 3, true], "the same step of another batch");
  device.close();
});

test("an optimiser that is given none has its own, without epochs", async () => {
  const device = await openDevice();
  const of = () =>
    new Adam(device, [parameter(device, Float32Array.of(1), [1])], { learningRate: 1 });
  const [one, other] = [of(), of()];
  one.setStep(7);
  const words = async ({ stepState: { step, stageStep, position, nonFiniteStep } }: Adam) => [
    ...[await step.item(), await stageStep.item()],
    ...[...(await position.data()), await nonFiniteStep.item()],
  ];
  assert.equal(await words(one), [7, 7, 0, 0, ALL_FINITE]);
  assert.equal(await words(other), [1, 1, 0, 0, ALL_FINITE]);
  await rejects(async () => one.setStep(-1), ShapeError, /^adam: step is -1/);
  device.close();
});

test.run();
