import { suite } from "uvu";
import * as assert from "uvu/assert";
import { crc32c } from "../../src/formats/crc.ts";
import { summaryRecord, versionRecord } from "../../src/formats/tensorboard.ts";

const test = suite("TensorBoard event files");

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
