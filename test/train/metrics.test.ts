import { suite } from "uvu";
import * as assert from "uvu/assert";
import { csvHeader, csvLines } from "../../src/formats/csv.ts";
import { DataError } from "../../src/gpu/errors.ts";
import {
  csvColumns,
  type MetricRecord,
  parseMetrics,
  termsOf,
  upTo,
} from "../../src/train/metrics.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("metrics");

const step = (step: number, epoch: number, more: object = {}): MetricRecord => ({
  kind: "step",
  step,
  epoch,
  ...more,
});

test("a last line that was cut off is left out; any other is an error that names it", async () => {
  const whole = `${JSON.stringify(step(1, 1))}\n${JSON.stringify(step(2, 1))}\n`;
  assert.is(parseMetrics(whole, "m").length, 2);
  for (let cut = 1; cut < 20; cut++) assert.is(parseMetrics(whole.slice(0, -cut), "m").length, 1);
  assert.equal(parseMetrics("", "m"), []);
  for (const bad of [
    "{",
    "5",
    "null",
    "{}",
    '{"kind":"stp","step":1,"epoch":1}',
    '{"kind":"step"}',
  ])
    await rejects(
      () => parseMetrics(`${whole}${bad}\n${whole}`, "m.jsonl"),
      DataError,
      /^m\.jsonl: line 3 is not a metrics record: /,
    );
});

test("keeps what a state vouches for", () => {
  const records: MetricRecord[] = [
    step(4, 1),
    { kind: "epoch", step: 4, epoch: 1 },
    { kind: "event", step: 4, epoch: 1, event: "resumed" },
    step(5, 2),
    step(8, 2),
    { kind: "epoch", step: 8, epoch: 2 },
    { kind: "eval", step: 4, epoch: 1, split: "test" },
  ];
  const kept = (at: number, epochs: number) => upTo(records, { step: at, epochs }).length;
  assert.equal(
    [kept(0, 0), kept(4, 0), kept(4, 1), kept(5, 1), kept(8, 1), kept(8, 2)],
    [0, 3, 4, 5, 6, 7],
  );
});

test("loss terms are told from the other fields", () => {
  const record = { ...step(1, 1, { loss: 5, kl: null }), time: 9, seconds: 2, event: "x" };
  assert.equal(termsOf(record), { loss: 5, kl: null });
});

test("CSV has a column for each field and quotes what must be quoted", () => {
  const columns = csvColumns(["loss", "kl"]);
  assert.is(
    csvHeader(columns),
    "kind,step,epoch,loss,kl,validation_loss,validation_kl,learning_rate,beta,seconds,event,message\n",
  );
  const lines = csvLines(columns, [
    step(1, 1, { loss: 5.25, kl: null }),
    { kind: "event", step: 2, epoch: 1, event: "lost", message: 'a "b", c\nd' },
  ]);
  assert.is(lines, 'step,1,1,5.25,,,,,,,,\nevent,2,1,,,,,,,,lost,"a ""b"", c\nd"\n');
});

test.run();
