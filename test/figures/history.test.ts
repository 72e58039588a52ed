import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readHistory } from "../../src/figures/history.ts";
import type { MetricRecord } from "../../src/train/metrics.ts";
import { configOf, epochRecord, stepRecord } from "../support/run-records.ts";

const test = suite("history of a run");

const event = (name: string, step = 1, epoch = 1): MetricRecord => {
  return { kind: "event", step, epoch, event: name, message: `about ${name}` };
};

const endingOf = async (...records: MetricRecord[]) =>
  readHistory(records, await configOf({ epochs: 2 })).ending;

test("how a run ended", async () => {
  const [one, two] = [epochRecord(1), epochRecord(2)];
  assert.is((await endingOf()).kind, "open");
  assert.is((await endingOf(stepRecord(1))).kind, "open");
  assert.is((await endingOf(one)).kind, "open");
  assert.is((await endingOf(one, two)).kind, "complete");
  for (const name of ["interrupted", "diverged", "time is up", "stopped early"]) {
    const ending = await endingOf(one, event(name));
    assert.is(ending.kind === "stopped" && ending.event.name, name);
    assert.is(ending.kind === "stopped" && ending.event.message, `about ${name}`);
    assert.is((await endingOf(one, event(name), event("resumed"))).kind, "open", "it goes on");
    assert.is((await endingOf(event(name), event("resumed"), one, two)).kind, "complete");
  }
  assert.is((await endingOf(one, event("device lost"))).kind, "open");
  assert.is((await endingOf(one, two, event("resumed"))).kind, "complete", "nothing was left");
  const evaluated: MetricRecord = { kind: "eval", step: 1, epoch: 1, loss: 3 };
  const ending = await endingOf(one, event("interrupted"), evaluated);
  assert.is(ending.kind, "stopped", "an evaluation is not training");
});

test("a run that was given more epochs is not complete any more", async () => {
  const records = [epochRecord(1), epochRecord(2), event("resumed")];
  assert.is(readHistory(records, await configOf({ epochs: 5 })).ending.kind, "open");
});

test("terms, epochs and schedules are told apart", async () => {
  const records = [
    { ...stepRecord(1), extra: 5 },
    { ...epochRecord(1, 7), learning_rate: 0.5, beta: 0.25, time: 12, seconds: 3 },
  ];
  const history = readHistory(records, await configOf());
  assert.equal(history.terms, ["loss", "reconstruction", "kl", "extra"]);
  const [row] = history.epochs;
  assert.equal(row!.training, { loss: 9, reconstruction: 5, kl: 4 });
  assert.equal(row!.validation, { loss: 7 });
  assert.equal([row!.learningRate, row!.beta, row!.time, row!.seconds], [0.5, 0.25, 12, 3]);
  assert.is(history.calendar?.stepsPerEpoch, 4);
  assert.is(history.lastStep, 4);
});

test("with other data, epochs have another length and the best is looked for anew", async () => {
  const config = await configOf();
  // The third epoch had two steps of four when it began anew with five.
  const epochSpans = [
    { step: 0, epochs: 0, stepsPerEpoch: 4 },
    { step: 10, epochs: 2, stepsPerEpoch: 5 },
  ];
  const facts = { ...config.facts, stepsPerEpoch: 5, epochSpans };
  const at = (epoch: number, step: number, loss: number) => ({ ...epochRecord(epoch, loss), step });
  const records = [at(1, 4, 3), at(2, 8, 2), at(3, 15, 7), at(4, 20, 8)];
  const history = readHistory(records, { ...config, facts });
  assert.is(history.best?.epoch, 3);
  const places = [4, 8, 9, 10, 11, 15, 20].map((step) => history.calendar!.placeOf(step));
  assert.equal(places, [1, 2, 2 + 1 / 7, 2 + 2 / 7, 2 + 3 / 7, 3, 4]);
  const damaged = readHistory(records, { ...config, facts: { ...facts, epochSpans: [{}] } });
  assert.is(damaged.calendar!.placeOf(10), 2);
});

test("the best epoch is the trainer's", async () => {
  const losses = [10, 8, 7.95, 8, 7];
  const records = losses.map((loss, i) => epochRecord(i + 1, loss));
  const best = async (minDelta: number) =>
    readHistory(records, await configOf({ "min-delta": minDelta })).best?.epoch;
  assert.equal([await best(0), await best(0.1), await best(2)], [5, 5, 3]);
  const early = records.slice(0, 4);
  assert.is(readHistory(early, await configOf()).best?.epoch, 3);
  assert.is(readHistory(early, await configOf({ "min-delta": 0.1 })).best?.epoch, 2);
  const without = [1, 2, 3].map((epoch) => epochRecord(epoch));
  assert.is(readHistory(without, await configOf()).best?.epoch, 3, "the newest");
  assert.is(readHistory([], await configOf()).best, undefined);
});

test("of evaluations the newest of each checkpoint counts", async () => {
  const evaluation = (checkpoint: string, loss: number): MetricRecord => {
    return {
      kind: "eval",
      step: 8,
      epoch: 2,
      split: "test",
      checkpoint,
      images: 10,
      loss,
      time: 5,
    };
  };
  const records = [evaluation("best", 9), evaluation("last", 8), evaluation("best", 7)];
  const { evaluations } = readHistory(records, await configOf());
  assert.equal(
    evaluations.map(({ checkpoint, terms, images }) => [checkpoint, terms, images]),
    [
      ["best", { loss: 7 }, 10],
      ["last", { loss: 8 }, 10],
    ],
  );
});

test.run();
