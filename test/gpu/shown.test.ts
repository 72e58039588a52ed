/** What JSON, as a log may have it, holds of the library's objects. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { Linear } from "../../src/nn/linear.ts";
import { Adam } from "../../src/optim/adam.ts";
import { parameter, tensor } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { testDevice } from "../support/device.ts";

const test = suite("objects in JSON");

test("are the line that consoles show", async () => {
  const device = await testDevice();
  const w = parameter(device, new Float32Array(6), [2, 3], "w");
  const { program } = await record(device, () => w);
  const layer = new Linear(device, new HostRandom(1), 3, 4);
  const adam = new Adam(device, [w], { learningRate: 0.1 });
  const made = { x: tensor(device, [[1, 2]]), w, device, program, layer, adam };
  assert.equal(
    JSON.parse(JSON.stringify(made)),
    Object.fromEntries(Object.entries(made).map(([name, each]) => [name, `${each}`])),
  );
  assert.is(JSON.stringify([w]), '["Tensor [2, 3] f32"]');
});

test("of a training do not hold its data", async () => {
  const settings = { network: "dense", width: 0.01 } as const;
  const data = loadGlyphs(16, 4);
  const trainer = await Trainer.create(await testDevice(), {
    model: Vae,
    settings,
    data,
    batch: 4,
  });
  try {
    assert.is(JSON.stringify({ trainer }), '{"trainer":"Trainer of vae, step 0"}');
    const { model } = trainer;
    assert.ok(JSON.stringify(model).length < 200, JSON.stringify(model));
  } finally {
    trainer.close();
  }
});

test.run();
