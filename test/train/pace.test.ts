import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Pace } from "../../src/train/pace.ts";

const test = suite("pace");

/** A pace whose steps of 10 images take as long as is said; validation is as long as 4 steps. */
function timed() {
  let time = 0;
  const pace = new Pace(4, () => time);
  const step = (seconds: number, steps = 1) => {
    time += 1000 * seconds;
    pace.tick(steps);
  };
  const left = (step: number, epoch = 1) => {
    const place = { phase: "training", epoch, epochs: 3, step, steps: 100, terms: {} } as const;
    const { secondsLeft, secondsLeftInAll, imagesPerSecond } = pace.at(place, 10);
    return [secondsLeft, secondsLeftInAll, imagesPerSecond];
  };
  return { pace, step, left };
}

test("there is no estimate before the second measurement, and none that counts compiling", () => {
  const { pace, step, left } = timed();
  pace.start();
  assert.equal(left(0), [undefined, undefined, undefined]);
  step(60); // the first step compiles
  assert.equal(left(1), [undefined, undefined, undefined]);
  step(2, 4);
  // 95 steps of half a second and 4 for the validation; two more epochs of 100 and 4.
  assert.equal(left(5), [49.5, 49.5 + 2 * 52, 20]);
});

test("a validation counts as measured, but never for more than as many steps", () => {
  const { pace, step, left } = timed();
  step(60);
  step(1);
  pace.validated(30); // it compiled
  assert.equal(left(100, 3), [4, 4, 10]);
  pace.validated(0.5);
  assert.equal(left(100, 3), [0.5, 0.5, 10]);
});

test("another stage is measured anew", () => {
  const { pace, step, left } = timed();
  step(60);
  step(1);
  pace.startAnew();
  assert.equal(left(2), [undefined, undefined, undefined]);
  step(40);
  assert.equal(left(3), [undefined, undefined, undefined]);
  step(2);
  assert.equal(left(4, 3), [2 * 100, 2 * 100, 5]);
});

test.run();
