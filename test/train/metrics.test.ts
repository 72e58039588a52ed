import { suite } from "uvu";
import * as assert from "uvu/assert";
import { crc32, crc32c } from "../../src/formats/crc.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { csvColumns, csvHeader, csvLines } from "../../src/formats/csv.ts";
import { type MetricRecord, parseMetrics, termsOf, upTo } from "../../src/train/metrics.ts";
import { summaryRecord, versionRecord } from "../../src/formats/tensorboard.ts";
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

test("CRC-32 and CRC-32C give the published values", () => {
  const text = (s: string) => new TextEncoder().encode(s);
  assert.is(crc32(text("123456789")), 0xcbf43926);
  // RFC 3720, B.4, and the usual check value.
  assert.is(crc32c(text("123456789")), 0xe3069283);
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.is(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
});

interface Field {
  readonly field: number;
  readonly value: number | Uint8Array;
}

/** Reads a message of protocol buffers without knowing what it means. */
function fields(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const field = key >>> 3;
    const type = key & 7;
    if (type === 0) found.push({ field, value: varint() });
    else if (type === 1) {
      found.push({ field, value: view.getFloat64(at, true) });
      at += 8;
    } else if (type === 5) {
      found.push({ field, value: view.getFloat32(at, true) });
      at += 4;
    } else {
      const length = varint();
      found.push({ field, value: bytes.subarray(at, at + length) });
      at += length;
    }
  }
  return found;
}

/** The data of a record, its checksums checked as the format describes them. */
function unframe(record: Uint8Array): Uint8Array {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const length = Number(view.getBigUint64(0, true));
  assert.is(record.length, length + 16);
  const masked = (data: Uint8Array) => {
    const crc = crc32c(data);
    return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
  };
  assert.is(view.getUint32(8, true), masked(record.subarray(0, 8)));
  const data = record.subarray(12, 12 + length);
  assert.is(view.getUint32(12 + length, true), masked(data));
  return data;
}

test("an event file begins with its version", () => {
  const [time, version] = fields(unframe(versionRecord(1234.5)));
  assert.equal([time!.field, time!.value], [1, 1234.5]);
  assert.is(version!.field, 3);
  assert.is(new TextDecoder().decode(version!.value as Uint8Array), "brain.Event:2");
});

test("a record has time, step, and values by their tags", () => {
  const png = Uint8Array.of(1, 2, 3);
  const images = { samples: { width: 300, height: 20, png } };
  const record = summaryRecord(1e9 + 0.25, 70_000, { "loss/step": 163.5 }, images);
  const [time, at, summary] = fields(unframe(record));
  assert.equal([time!.value, at!.field, at!.value, summary!.field], [1e9 + 0.25, 2, 70_000, 5]);
  const values = fields(summary!.value as Uint8Array);
  assert.equal(
    values.map(({ field }) => field),
    [1, 1],
  );
  const text = (value: unknown) => new TextDecoder().decode(value as Uint8Array);
  const [tag, number] = fields(values[0]!.value as Uint8Array);
  assert.equal([text(tag!.value), number!.field, number!.value], ["loss/step", 2, 163.5]);
  const [name, picture] = fields(values[1]!.value as Uint8Array);
  assert.equal([text(name!.value), picture!.field], ["samples", 4]);
  const [height, width, colours, data] = fields(picture!.value as Uint8Array);
  assert.equal([height!.field, height!.value, width!.field, width!.value], [1, 20, 2, 300]);
  assert.equal([colours!.field, colours!.value, data!.field], [3, 3, 4]);
  assert.equal([...(data!.value as Uint8Array)], [1, 2, 3]);
});

test.run();
