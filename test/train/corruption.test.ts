/** A real checkpoint, damaged in every way: nothing is loaded from it, and one line says why. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { CheckpointError } from "../../src/gpu/errors.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { trace, trainInMemory } from "../support/training.ts";

const test = suite("damaged checkpoints");

const path = "r/checkpoints/last.safetensors";

let made: Promise<MemoryHost> | undefined;

/** A finished run. */
function finished(): Promise<MemoryHost> {
  made ??= (async () => {
    const host = new MemoryHost();
    await trainInMemory(host, { ema: "0.9", epochs: "1" });
    return host;
  })();
  return made;
}

const whole = async () => (await finished()).files.get(path)!;
const read = (bytes: Uint8Array) => () => readSafetensors(bytes, path);

/** Numbers in [0, 1), the same every time. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test("cut off at 50 places", async () => {
  const file = await whole();
  const random = sequence(1);
  const places = [0, 1, 7, 8, 9, file.length - 1];
  while (places.length < 50) places.push(Math.floor(random() * file.length));
  for (const length of places)
    await rejects(
      read(file.slice(0, length)),
      CheckpointError,
      /^r\/checkpoints\/last\.safetensors: /,
    );
});

test("1,000 flipped bits: every one is noticed", async () => {
  const file = await whole();
  const header = 8 + new DataView(file.buffer, file.byteOffset).getUint32(0, true);
  const random = sequence(2);
  let refused = 0;
  for (let i = 0; i < 1000; i++) {
    // Half of them in the header, which is a hundredth of the file.
    const bits = 8 * (i % 2 === 0 ? header : file.length);
    const bit = Math.floor(random() * bits);
    const flipped = file.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    try {
      const { metadata } = await readSafetensors(flipped, path);
      // Only the name of the header's own hash may change unnoticed: nothing else has then.
      assert.not("header_sha256" in metadata, `bit ${bit & 7} of byte ${bit >> 3}`);
    } catch (error) {
      assert.instance(error, CheckpointError, String(error));
      assert.not((error as Error).message.includes("\n"));
      refused++;
    }
  }
  assert.ok(refused >= 980, `${refused} of 1000 were refused`);
});

test("20 malformed headers", async () => {
  const file = await whole();
  const length = new DataView(file.buffer, file.byteOffset).getUint32(0, true);
  const text = new TextDecoder().decode(file.subarray(8, 8 + length));
  const payload = file.subarray(8 + length);
  const parsed = () => JSON.parse(text) as Record<string, Record<string, unknown>>;
  const change = (edit: (header: Record<string, Record<string, unknown>>) => void) => {
    const header = parsed();
    delete header.__metadata__; // without the hashes the structure alone must be refused
    edit(header);
    return JSON.stringify(header);
  };
  const bias = "encoder.1.bias";
  const place = parsed()[bias]!.data_offsets as [number, number];
  const headers: string[] = [
    "",
    "{",
    "[]",
    "null",
    `${text.trimEnd()}}`,
    text.replace("{", '{"__proto__":{"dtype":"F32"},'),
    change((h) => {
      h.__metadata__ = { step: 5 };
    }),
    change((h) => {
      delete h[bias];
    }),
    change((h) => {
      h.extra = { dtype: "F32", shape: [1], data_offsets: place };
    }),
    change((h) => {
      h[bias]!.dtype = "F64";
    }),
    change((h) => {
      h[bias]!.dtype = 32;
    }),
    change((h) => {
      h[bias]!.shape = [-40];
    }),
    change((h) => {
      h[bias]!.shape = [39.5];
    }),
    change((h) => {
      h[bias]!.shape = [2 ** 31, 2 ** 31, 2 ** 31];
    }),
    change((h) => {
      h[bias]!.shape = "40";
    }),
    change((h) => {
      h[bias]!.data_offsets = [place[1], place[0]];
    }),
    change((h) => {
      h[bias]!.data_offsets = [place[0] - 4, place[1] - 4];
    }),
    change((h) => {
      h[bias]!.data_offsets = [place[0], payload.length + 4];
    }),
    change((h) => {
      h[bias]!.data_offsets = [-4, place[1]];
    }),
    change(() => undefined).replace(`"${bias}"`, `"${bias}":{},"${bias}"`),
  ];
  assert.is(headers.length, 20);
  for (const header of headers) {
    const bytes = new TextEncoder().encode(header);
    const bad = new Uint8Array(8 + bytes.length + payload.length);
    new DataView(bad.buffer).setUint32(0, bytes.length, true);
    bad.set(bytes, 8);
    bad.set(payload, 8 + bytes.length);
    await rejects(read(bad), CheckpointError, /^r\/checkpoints\/last\.safetensors: /);
  }
  // The same file with nothing changed but the hashes left out is read: the changes were the cause.
  const bytes = new TextEncoder().encode(change(() => undefined));
  const good = new Uint8Array(8 + bytes.length + payload.length);
  new DataView(good.buffer).setUint32(0, bytes.length, true);
  good.set(bytes, 8);
  good.set(payload, 8 + bytes.length);
  assert.ok((await readSafetensors(good, path)).tensors.has(bias));
});

test("a run does not go on from a damaged checkpoint, and loses nothing by the attempt", async () => {
  const host = new MemoryHost();
  for (const [name, bytes] of (await finished()).files) host.put(name, bytes.slice());
  const before = trace(host).metrics;
  const file = await whole();
  for (const length of [0, 100, file.length - 1]) {
    host.put(path, file.slice(0, length));
    await rejects(
      () => trainInMemory(host, { ema: "0.9", epochs: "2", resume: "true" }),
      CheckpointError,
      /last\.safetensors: /,
    );
    assert.equal(trace(host).metrics, before);
    assert.is(host.files.get(path)!.length, length);
  }
  host.put(path, file);
  await trainInMemory(host, { ema: "0.9", epochs: "2", resume: "true" });
});

test.run();
