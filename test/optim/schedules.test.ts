import { suite } from "uvu";
import * as assert from "uvu/assert";
import { betaSchedule, learningRateSchedule, warmUp } from "../../src/optim/schedules.ts";

const test = suite("schedules");

const rate = (text: string, epochs: number, of = 100) =>
  learningRateSchedule(text)!.at({ epochs, of });
const beta = (text: string, epochs: number) => betaSchedule(text)!.at({ epochs, of: 100 });
const close = (a: number, b: number) => assert.ok(Math.abs(a - b) < 1e-12, `${a} and ${b}`);

test("constant is 1 everywhere", () => {
  for (const epochs of [0, 0.5, 1e6]) {
    assert.is(rate("constant", epochs), 1);
    assert.is(beta("constant", epochs), 1);
  }
});

test("cosine falls from 1 to its end over the run and stays there", () => {
  close(rate("cosine", 0), 1);
  close(rate("cosine", 50), 0.5);
  close(rate("cosine", 100 / 3), 0.75);
  close(rate("cosine", 100), 0);
  close(rate("cosine", 101), 0);
  close(rate("cosine:0.1", 50), 0.55);
  close(rate("cosine:0.1", 100), 0.1);
  assert.ok(learningRateSchedule("cosine")!.needsLength);
  assert.not(learningRateSchedule("step:1:0.5")!.needsLength);
});

test("step multiplies after every so many epochs", () => {
  close(rate("step:150:0.5", 149.99), 1);
  close(rate("step:150:0.5", 150), 0.5);
  close(rate("step:150:0.5", 399), 0.25);
  close(rate("step:0.5:0.1", 1.2), 0.01);
});

test("milestones multiply one another", () => {
  // WAE (Tolstikhin et al. 2018): halved at 30, divided by 5 more at 50.
  const text = "milestones:30=0.5,50=0.2";
  close(rate(text, 29.9), 1);
  close(rate(text, 30), 0.5);
  close(rate(text, 50), 0.1);
});

test("β grows linearly, or in cycles whose first half is a ramp", () => {
  close(beta("linear:10", 0), 0);
  close(beta("linear:10", 2.5), 0.25);
  close(beta("linear:10", 11), 1);
  close(beta("cyclic:10", 2.5), 0.5);
  close(beta("cyclic:10", 5), 1);
  close(beta("cyclic:10", 9.9), 1);
  close(beta("cyclic:10", 12.5), 0.5);
});

test("a warm-up reaches 1 at its last step", () => {
  close(warmUp(1, 10), 0.1);
  close(warmUp(10, 10), 1);
  close(warmUp(11, 10), 1);
  close(warmUp(1, 0), 1);
});

test("anything else is no schedule", () => {
  const bad = ["", "cos", "cosine:", "cosine:2", "cosine:-1", "cosine:0.1:2", "step", "step:10"];
  bad.push("step:0:0.5", "step:10:0", "step:10:x", "step:1:1:1", "milestones", "milestones:30");
  bad.push("milestones:30=0.5,", "milestones:30=0.5=1", "milestones:=1", "constant:1", "linear:3");
  for (const text of bad) assert.is(learningRateSchedule(text), undefined, text);
  for (const text of ["", "linear", "linear:0", "linear:x", "cyclic:", "cosine", "constant:2"])
    assert.is(betaSchedule(text), undefined, text);
});

test.run();
