import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mul } from "../../src/autograd/ops/elementwise.ts";
import type { Batch } from "../../src/data/batch.ts";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { writeOnnx } from "../../src/formats/onnx.ts";
import { Message } from "../../src/formats/protobuf.ts";
import type { Device } from "../../src/gpu/device.ts";
import { UsageError } from "../../src/gpu/errors.ts";
import { PlainAutoencoder } from "../../src/models/ae.ts";
import type { DataShape } from "../../src/models/definition.ts";
import type { Model } from "../../src/models/model.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { Linear } from "../../src/nn/linear.ts";
import { MaskedLinear } from "../../src/nn/masked-linear.ts";
import { Flatten, Lambda, ReLU, Sequential, Unflatten } from "../../src/nn/sequential.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { loadModel } from "../../src/train/load-model.ts";
import { writeNetworks } from "../../src/train/onnx/export.ts";
import { exportOnnx } from "../../src/train/onnx/export-model.ts";
import { OnnxNetwork } from "../../src/train/onnx/graph.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { testDevice } from "../support/device.ts";
import { readOnnx } from "../support/onnx-file.ts";
import { engineResults, largestDifference, movedModel } from "../support/onnx-models.ts";
import { runReference } from "../support/onnx-reference.ts";

const test = suite("ONNX");

/** Halved twice: 5, 3, 2 and 6, 3, 2, so that the padding is even and odd. */
const data: DataShape = { height: 5, width: 6, channels: 2, classes: 3 };
const tiny = { width: "0.02", latent: "2" };

test("numbers are written as Protocol Buffers have them", () => {
  const bytes = new Message().int(1, 300).int(2, -1).float(3, 1).text(16, "é").finish();
  assert.equal(
    [...bytes],
    [
      ...[0x08, 0xac, 0x02],
      ...[0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
      ...[0x1d, 0, 0, 0x80, 0x3f],
      ...[0x82, 0x01, 2, 0xc3, 0xa9],
    ],
  );
  const nested = new Message().message(1, new Message().bytes(2, new Uint8Array(200))).finish();
  assert.equal([...nested.subarray(0, 6)], [0x0a, 0xcb, 0x01, 0x12, 0xc8, 0x01]);
  assert.is(nested.length, 206);
});

test("files say how they are to be used", async () => {
  const device = await testDevice();
  const model = await movedModel(device, "cvae", data, { ...tiny, network: "conv" });
  const { encoder, decoder } = await writeNetworks(model, "cvae", data, { epoch: "7" });
  const read = readOnnx(encoder.bytes);
  assert.is(read.irVersion, 7);
  assert.equal(read.opsets, [{ domain: "", version: 13 }]);
  assert.is(read.producer, "latentgrad");
  assert.equal(read.metadata, { model: "cvae", epoch: "7" });
  assert.equal(read.inputs, [
    { name: "image", type: 1, shape: ["batch", 2, 5, 6] },
    { name: "label", type: 7, shape: ["batch"] },
  ]);
  assert.equal(read.outputs, [
    { name: "mean", type: 1, shape: ["batch", 2] },
    { name: "log_variance", type: 1, shape: ["batch", 2] },
  ]);
  const made = readOnnx(decoder.bytes);
  assert.equal(
    made.inputs.map(({ name, shape }) => [name, shape]),
    [
      ["latent", ["batch", 2]],
      ["label", ["batch"]],
    ],
  );
  assert.equal(made.outputs, [{ name: "image", type: 1, shape: ["batch", 2, 5, 6] }]);
  // What the files hold, and what the command prints, is the same.
  assert.equal(
    encoder.outputs.map(({ name, shape }) => [name, shape]),
    read.outputs.map(({ name, shape }) => [name, shape]),
  );
});

test("weights have the names and shapes of checkpoints, and no others are in the files", async () => {
  const device = await testDevice();
  const model = await movedModel(device, "factor-vae", data, { ...tiny, network: "conv" });
  const { encoder, decoder } = await writeNetworks(model, "factor-vae", data);
  const names = [encoder, decoder].flatMap(({ bytes }) =>
    [...readOnnx(bytes).constants.keys()].filter((name) => !name.startsWith("constant_")),
  );
  const wanted = model.parameters().map(({ name }) => name);
  assert.equal(names.sort(), wanted.filter((name) => !name.startsWith("discriminator.")).sort());
  const weight = readOnnx(decoder.bytes).constants.get("decoder.3.weight");
  assert.equal(weight?.shape, [1, 1, 3, 3]);
});

/** Convolutions each way, planes, batch norm of channels and of flat units, leaky ReLU, softplus and log. */
test("networks compute what they compute in evaluation", async () => {
  const device = await testDevice();
  for (const [name, settings] of [
    ["cvae", { ...tiny, network: "two-stage" }],
    ["dual-aae", { width: "0.04", content: "2", style: "1", skip: "true", "style-weight": "0" }],
  ] as const) {
    const model = await movedModel(device, name, data, settings);
    const files = await writeNetworks(model, name, data);
    const agreement = await engineResults(device, model, data, 3);
    for (const part of ["encoder", "decoder"] as const) {
      const { inputs, outputs } = agreement[part];
      const given = Object.entries(inputs).map(([key, { shape, values }]) => {
        const numbers = Float64Array.from(values as ArrayLike<number | bigint>, Number);
        return [key, { shape, values: numbers }] as const;
      });
      const found = runReference(readOnnx(files[part].bytes), Object.fromEntries(given));
      assert.equal(Object.keys(found), Object.keys(outputs));
      for (const [key, values] of Object.entries(outputs)) {
        const difference = largestDifference(found[key]?.values ?? [], values);
        assert.ok(difference <= 1e-5, `${name} ${part} ${key}: ${difference}`);
      }
    }
  }
});

async function refusal(make: () => unknown, pattern: RegExp): Promise<void> {
  try {
    await make();
  } catch (error) {
    assert.instance(error, UsageError);
    assert.match((error as Error).message, pattern);
    return;
  }
  assert.unreachable(`no refusal: ${pattern}`);
}

const options = { network: "dense", latent: 2, width: 0.01 } as const;

/** Its codes are twice what its base class says. */
class Doubled extends PlainAutoencoder {
  constructor(device: Device) {
    super(device, new HostRandom(1), data, options);
  }
  override encode(batch: Batch): Tensor {
    return mul(super.encode(batch), 2);
  }
}

test("what cannot be exported is refused", async () => {
  const device = await testDevice();
  for (const [name, pattern] of [
    ["flow-vae", /^flow-vae: its codes go through normalising flows/],
    ["classifier", /^classifier: it has no decoder/],
  ] as const) {
    const settings = name === "classifier" ? { width: "0.02" } : tiny;
    const model = await movedModel(device, name, data, settings);
    await refusal(() => writeNetworks(model, name, data), pattern);
  }
  const derived = new Doubled(device);
  await refusal(
    () => writeNetworks(derived, "doubled", data),
    /^doubled: its class has a encode of its own and no writeEncoder/,
  );
  const without = { decode: derived.decode } as unknown as Model;
  await refusal(
    () => writeNetworks(without, "own", data),
    /^own: it does not write its networks down/,
  );
});

test("a layer that is not known, or that sees pixels in another order, is refused", async () => {
  const device = await testDevice();
  const random = new HostRandom(1);
  const linear = (options = {}) => new Linear(device, random, 60, 2, options);
  class Other extends Linear {}
  for (const [layers, pattern] of [
    [[new Lambda((x) => x)], /a function without a name/],
    [[new MaskedLinear(device, random, [1, 2], [1, 2])], /MaskedLinear cannot be written as ONNX/],
    [[new Other(device, random, 60, 2)], /Other cannot be written as ONNX/],
    [[linear()], /takes vectors, and image is \[5, 6, 2\]/],
    [[Flatten(), linear()], /for no flattened image, and .* a flattened image \[5, 6, 2\]/],
    [[Flatten(), linear({ flattenIn: [6, 5, 2] })], /for a flattened image \[6, 5, 2\]/],
    [[Flatten(), Unflatten([2, 5, 6])], /for a flattened image \[2, 5, 6\]/],
  ] as const) {
    const net = new Sequential(...layers);
    const model = { parameters: () => net.parameters(), buffers: () => [] } as unknown as Model;
    const network = new OnnxNetwork(model, data);
    await refusal(() => network.layer(net, network.image()), pattern);
  }
  const known = new Sequential(
    Flatten(),
    linear({ flattenIn: [5, 6, 2] }),
    ReLU(),
    new Linear(device, random, 2, 60, { flattenOut: [5, 6, 2] }),
    Unflatten([5, 6, 2]),
  );
  const model = { parameters: () => known.parameters(), buffers: () => [] } as unknown as Model;
  const network = new OnnxNetwork(model, data);
  assert.equal(network.layer(known, network.image()).shape, [5, 6, 2]);
});

test("a file of 2 GiB is refused before it is made", () => {
  // The same 128 MiB sixteen times, of which nothing is read.
  const values = new Float32Array(2 ** 25);
  const constants = Array.from({ length: 16 }, (_, i) => ({
    name: `${i}`,
    shape: [2 ** 25],
    values,
  }));
  const about = { producer: { name: "p", version: "1" }, description: "", metadata: {} };
  const model = { name: "huge", ...about, inputs: [], outputs: [], nodes: [], constants };
  assert.throws(() => writeOnnx(model), /^huge: ONNX files hold less than 2 GiB, and this would/);
});

test("a model that was loaded is exported as it decodes", async () => {
  const device = await testDevice();
  const settings = { network: "dense", width: 0.02, latent: 2 } as const;
  const glyphs = loadGlyphs(32, 4);
  const trainer = await Trainer.create(device, { model: Vae, settings, data: glyphs, batch: 8 });
  await trainer.step(4);
  const file = await trainer.checkpoint();
  trainer.close();
  const vae = await loadModel(device, file, [Vae]);
  const { encoder, decoder } = await exportOnnx(vae);
  const read = readOnnx(decoder.bytes);
  const { settings: texts, ...facts } = read.metadata;
  assert.equal(facts, { model: "vae", data: "glyphs", epoch: "1", step: "4" });
  assert.is(JSON.parse(texts!).width, 0.02);
  assert.equal(
    [encoder, decoder].map(({ inputs, outputs }) =>
      [inputs, outputs].map((a) => a.map((v) => v.name)),
    ),
    [
      [["image"], ["mean", "log_variance"]],
      [["latent"], ["image"]],
    ],
  );
  const codes = Float32Array.of(0.5, -1, 2, 0.25);
  const latent = { shape: [2, 2], values: Float64Array.from(codes) };
  const found = runReference(read, { latent }).image!;
  assert.equal(found.shape, [2, 1, 28, 28]);
  const { values } = await vae.decode(codes);
  assert.ok(largestDifference(found.values, values) <= 1e-5);
  vae.close();
  await refusal(
    () => exportOnnx(file as never),
    /^exportOnnx: model is an? .*wanted a trained model/,
  );
});

test.run();
