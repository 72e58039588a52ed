import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Calendar, soundSpans } from "../../src/train/calendar.ts";

const test = suite("calendar");

test("epochs of one length", () => {
  const calendar = new Calendar(4);
  assert.equal(
    [1, 4, 5, 9].map((step) => calendar.epochOf(step)),
    [1, 1, 2, 3],
  );
  assert.equal([calendar.beginOf(3), calendar.firstBeginOf(3)], [8, 8]);
  assert.equal([calendar.epochsSince(1, 7), calendar.epochsSince(2, 7)], [1.5, 0.5]);
  assert.equal([calendar.placeOf(0), calendar.placeOf(6)], [0, 1.5]);
});

test("an epoch that was not done begins anew in another length", () => {
  const calendar = new Calendar(4);
  calendar.beginSpan({ step: 10, epochs: 2, stepsPerEpoch: 5 });
  assert.equal(
    [8, 9, 10, 11, 15, 16].map((step) => calendar.epochOf(step)),
    [2, 3, 3, 3, 3, 4],
  );
  // A stage that began with the third epoch counts its steps from step 8.
  assert.equal([calendar.beginOf(3), calendar.firstBeginOf(3)], [10, 8]);
  assert.equal([calendar.beginOf(2), calendar.beginOf(4), calendar.firstBeginOf(4)], [4, 15, 15]);
  assert.equal([calendar.epochsSince(1, 11), calendar.epochsSince(3, 16)], [2, 1]);
  // Changed twice in the same epoch, and before a step was done.
  calendar.beginSpan({ step: 12, epochs: 2, stepsPerEpoch: 3 });
  calendar.beginSpan({ step: 12, epochs: 2, stepsPerEpoch: 6 });
  assert.is(calendar.spans.length, 3);
  assert.equal([calendar.beginOf(3), calendar.firstBeginOf(3), calendar.beginOf(4)], [12, 8, 18]);
});

test("at the end of an epoch nothing begins anew", () => {
  const calendar = new Calendar(4);
  calendar.beginSpan({ step: 8, epochs: 2, stepsPerEpoch: 6 });
  assert.equal([calendar.beginOf(3), calendar.firstBeginOf(3), calendar.beginOf(4)], [8, 8, 14]);
  assert.equal(
    [8, 9].map((step) => calendar.epochOf(step)),
    [2, 3],
  );
});

test("spans that cannot be are none", () => {
  const first = { step: 0, epochs: 0, stepsPerEpoch: 4 };
  assert.ok(soundSpans([first, { step: 10, epochs: 2, stepsPerEpoch: 5 }]));
  for (const bad of [
    undefined,
    [],
    [null],
    [{ ...first, step: 1 }],
    [{ ...first, stepsPerEpoch: 0 }],
    [{ ...first, stepsPerEpoch: 1.5 }],
    [first, { step: 0, epochs: 0, stepsPerEpoch: 5 }],
    [first, { step: 7, epochs: 2, stepsPerEpoch: 5 }],
    [first, { step: 13, epochs: 2, stepsPerEpoch: 5 }],
  ])
    assert.is(soundSpans(bad), undefined, JSON.stringify(bad));
});

test.run();
