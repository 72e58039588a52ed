import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { Device } from "../../src/gpu/device.ts";
import { openDevice } from "../../src/gpu/open.ts";
import type { Model } from "../../src/models/model.ts";
import { variable } from "../../src/tensor/create.ts";
import { saveModel } from "../../src/train/model-file.ts";

const test = suite("writing a model");

test("its copies are in memory by portions, however large it is", async () => {
  let collections = 0;
  const collect = () => {
    collections++;
  };
  const device = await openDevice({ collect });
  const sizes = [700_000, 300_000, 0, 5, 1_500_000, 600_000];
  const values = sizes.map((size, k) => Float32Array.from({ length: size }, (_, i) => i + k));
  const named = values.map((data, k) => ({
    name: `w${k}`,
    tensor: variable(device, data, [data.length], `w${k}`),
    layout: { kind: "vector", shape: [data.length] } as const,
  }));
  const model = { parameters: () => named, buffers: () => [] } as unknown as Model;
  const { readBuffer } = Device.prototype;
  let under = 0;
  let most = 0;
  Device.prototype.readBuffer = async function (buffer, offset, bytes) {
    under += bytes;
    most = Math.max(most, under);
    try {
      return await readBuffer.call(this, buffer, offset, bytes);
    } finally {
      under -= bytes;
    }
  };
  try {
    const { tensors } = await readSafetensors(await saveModel({ model }, { model: "w" }), "w");
    for (const [k, data] of values.entries()) {
      const found = tensors.get(`w${k}`)!.data;
      assert.is(found.length, data.length);
      assert.ok(data.every((value, i) => value === found[i]));
    }
  } finally {
    Device.prototype.readBuffer = readBuffer;
    device.close();
  }
  // The largest tensor alone; of smaller ones 4 MiB together.
  assert.is(most, 6_000_000);
  // The first portion's, with the second's; no third one has come to 8 MiB.
  assert.is(collections, 1);
});

test.run();
