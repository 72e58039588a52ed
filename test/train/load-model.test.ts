/** Checkpoints of programs and of the command line, each read by the other. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadGlyphs } from "../../src/data/glyphs.ts";
import { sample } from "../../src/figures/sample.ts";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { CheckpointError, ShapeError, UsageError } from "../../src/gpu/errors.ts";
import { Codec } from "../../src/models/codec.ts";
import { ConditionalVae } from "../../src/models/cvae.ts";
import { Vae } from "../../src/models/vae.ts";
import { loadAnyModel } from "../../src/train/load-any-model.ts";
import { loadModel, loadWeights, saveWeights } from "../../src/train/load-model.ts";
import { withRun } from "../../src/train/open-run.ts";
import { Trainer } from "../../src/train/trainer.ts";
import { testDevice } from "../support/device.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { trainInMemory } from "../support/training.ts";

const test = suite("models from checkpoints");

const settings = { width: 0.05, latent: 2, network: "dense" } as const;
const data = loadGlyphs(32, 4);

async function trained<C extends typeof Vae | typeof ConditionalVae>(model: C, ema?: number) {
  const device = await testDevice();
  const options = { model, settings, data, batch: 8, validation: 0, ema };
  const trainer = await Trainer.create(device, options as never);
  await trainer.step(4);
  return trainer;
}

/** What the command line would draw. */
function drawn(host: MemoryHost, path: string, count: number): Promise<number[]> {
  return withRun(path, {}, host, async ({ device, model, config }) => {
    const codec = new Codec(device, model, config.image);
    const { values } = await codec.decode(await codec.draw(count, 3), count);
    return [...values];
  });
}

test("of the command line: the same weights and the same samples", async () => {
  const host = new MemoryHost();
  await trainInMemory(host, { ema: "0.9" });
  const file = host.files.get("r/checkpoints/best.safetensors")!;
  const device = await testDevice();
  const vae = await loadModel(device, file, [ConditionalVae, Vae]);
  assert.instance(vae.model, Vae);
  assert.equal([...(await vae.sample(5, { seed: 3 })).values], await drawn(host, "r", 5));
  const { tensors } = await readSafetensors(file, "file");
  const again = await readSafetensors(await saveWeights(vae), "again");
  assert.is(again.metadata.model, "vae");
  for (const [name, { data }] of again.tensors)
    assert.equal(data, tensors.get(`ema.${name}`)!.data, name);
  assert.is((await loadAnyModel(device, file)).latent, 2);
});

test("of a program: the command line draws the same, beside the file", async () => {
  const trainer = await trained(Vae, 0.9);
  const host = new MemoryHost();
  host.put("f/mine.safetensors", await trainer.checkpoint());
  const own = await trainer.sample(5, { seed: 3 });
  assert.equal([...own.values], await drawn(host, "f/mine.safetensors", 5));
  const options = { count: 4, seed: 1 };
  const { figure } = await sample("f/mine.safetensors", options, host);
  assert.is(figure, "f/mine-samples.png");
  assert.ok(host.files.get(figure)!.length > 100);
  await rejects(
    () => sample("f/mine.safetensors", { ...options, checkpoint: "last" }, host),
    UsageError,
    /mine\.safetensors is a checkpoint itself/,
  );
  host.put("f/none.safetensors", "text");
  const none = () => sample("f/none.safetensors", options, host);
  await rejects(none, CheckpointError, /none\.safetensors: this is a text/);
  trainer.close();
});

test("a model is for images: it encodes, reconstructs and interpolates, and leaves no buffer", async () => {
  const trainer = await trained(Vae);
  const { device } = trainer;
  const file = await trainer.checkpoint();
  const bytes = async () => {
    await device.finish();
    return device.pool.statistics().liveBytes;
  };
  const before = await bytes();
  const vae = await loadModel(device, file, [Vae]);
  const codes = await vae.encode(data.test);
  assert.is(codes.length, 4 * 2);
  const { values, ...size } = await vae.reconstruct(data.test);
  assert.equal([...values], [...(await vae.decode(codes)).values]);
  assert.equal([size.count, size.height, size.width, size.channels], [4, 28, 28, 1]);
  assert.ok(values.every((value) => value >= 0 && value <= 1));
  const rows = await vae.interpolate(data.test, { steps: 3 });
  assert.is(rows.count, 6);
  const pixels = 28 * 28;
  const [first, last] = [
    rows.values.subarray(0, pixels),
    rows.values.subarray(2 * pixels, 3 * pixels),
  ];
  assert.equal([...first], [...values.subarray(0, pixels)]);
  assert.equal([...last], [...values.subarray(pixels, 2 * pixels)]);
  assert.equal((await trainer.encode(data.test)).join(), codes.join());
  for (const [work, kind, pattern] of [
    [() => vae.sample(0), ShapeError, /^sample: count is 0, wanted a whole number from 1 on$/],
    [() => vae.encode([1] as never), UsageError, /^encode: images is an array, wanted a part of/],
    [
      () => vae.encode({ ...data.test, count: 3 }),
      ShapeError,
      /3 images of 3136 values, the model/,
    ],
    [
      () =>
        vae.interpolate({
          ...data.test,
          count: 3,
          images: data.test.images.subarray(0, 3 * pixels),
        }),
      ShapeError,
      /^interpolate: 3 images, wanted pairs/,
    ],
    [() => vae.decode(new Float32Array(3)), ShapeError, /^decode: codes are \[count, 2\], got 3/],
  ] as const)
    await rejects(work, kind, pattern);
  vae.close();
  assert.is(await bytes(), before);
  trainer.close();
});

test("a model that knows classes, and files that do not say what they are of", async () => {
  const trainer = await trained(ConditionalVae);
  const { device } = trainer;
  const file = await trainer.checkpoint();
  const cvae = await loadModel(device, file, [ConditionalVae]);
  const labels = Uint32Array.of(3, 3);
  assert.equal([...(await cvae.sample(2, { labels })).labels!], [3, 3]);
  const { tensors, metadata } = await readSafetensors(file, "file");
  const without = async (...names: string[]) => {
    const { payload_sha256: _, header_sha256: __, ...rest } = metadata;
    const kept = Object.entries(rest).filter(([name]) => !names.includes(name));
    return writeSafetensors(tensors, Object.fromEntries(kept));
  };
  const load = async (bytes: Uint8Array, options = {}) =>
    loadModel(device, bytes, [ConditionalVae], options);
  for (const [names, pattern] of [
    [["model"], /^checkpoint: its metadata name no model, expected one of cvae$/],
    [["classes"], /^checkpoint: cvae knows classes, and it does not say which: give loadModel the/],
    [["image"], /^checkpoint: it does not say its image: give loadModel the option data$/],
    [["options"], /^checkpoint: it does not say its settings: give loadModel the option settings$/],
  ] as const)
    await rejects(async () => load(await without(...names)), CheckpointError, pattern);
  const shape = { height: 28, width: 28, channels: 1, classes: 10 };
  const found = await load(await without("classes", "image", "options"), { settings, data: shape });
  assert.equal([...(await found.encode(data.test))], [...(await cvae.encode(data.test))]);
  await rejects(
    () => loadModel(device, file, [Vae]),
    CheckpointError,
    /a checkpoint of cvae, expected/,
  );
  await rejects(
    () => load(file, { settings: { ...settings, latent: 3 } }),
    CheckpointError,
    /head/,
  );
  // Weights go into any model of the same shapes.
  const other = await trained(ConditionalVae);
  await other.step(2);
  await loadWeights(other.model, file);
  assert.equal([...(await other.encode(data.test))], [...(await cvae.encode(data.test))]);
  for (const one of [trainer, other, cvae, found]) one.close();
});

test.run();
