/**
 * The documented Python programs read what a training leaves and make of it what the engine makes.
 * Each part is skipped where there is no Python with NumPy, or with PyTorch.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadDataset } from "../../src/data/datasets.ts";
import { hash32 } from "../../src/data/hash.ts";
import type { Device } from "../../src/gpu/device.ts";
import { bernoulliNll } from "../../src/models/likelihoods.ts";
import type { ImageShape } from "../../src/models/model.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { tensor } from "../../src/tensor/create.ts";
import { loadModel, requireModel } from "../../src/train/model-file.ts";
import { testDevice } from "../support/device.ts";
import { idxFile } from "../support/idx-file.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { npyDictionary, npyFile } from "../support/npy-file.ts";
import {
  examples,
  executeAll,
  execute as executeIn,
  type Outcome,
  python,
} from "../support/python.ts";
import { skip } from "../support/skip.ts";
import { trainInMemory } from "../support/training.ts";

const test = suite("checkpoints in Python");
/** What the documents promise. */
const TOLERANCE = 1e-4;
const IMAGES = 9;
const WIDTH = 0.125;

/** A training and the form in which Python gets its test images. */
interface Case {
  readonly network: "conv" | "dense";
  /** [height, width, channels] of pictures made here; the glyphs, 28×28×1, without. */
  readonly size?: readonly [number, number, 1 | 3];
  readonly ema: boolean;
  readonly images: "idx" | "idx.gz" | "bytes.npy" | "floats.npy";
}

/** Halved twice, sizes are even and even (28), odd and even (11), even and odd (10). */
const cases: readonly Case[] = [
  { network: "conv", ema: true, images: "idx.gz" },
  { network: "conv", size: [11, 10, 3], ema: false, images: "bytes.npy" },
  { network: "dense", ema: false, images: "idx" },
  { network: "dense", size: [7, 5, 3], ema: true, images: "floats.npy" },
];

/** A trained run on disk, and what the engine makes of its images. */
interface Trained {
  /** Holds checkpoints/best.safetensors. */
  readonly folder: string;
  readonly checkpoint: string;
  readonly images: string;
  readonly image: ImageShape;
  /** [IMAGES, latent], and [IMAGES, height, width, channels] in [0, 1]. */
  readonly codes: Float32Array;
  readonly reconstructions: Float32Array;
  /** Reconstruction term in nats per sample. */
  readonly nats: number;
}

const temporary = mkdtempSync(join(tmpdir(), "latentgrad-python-"));
let device: Device;
test.before(async () => {
  // The one that the trainings use: its kernels are compiled once.
  device = await testDevice();
});
test.after(() => rmSync(temporary, { recursive: true, force: true }));

const execute = (interpreter: string, args: readonly string[]): Promise<Outcome> =>
  executeIn(interpreter, args, temporary);

const program = (name: string) => join(examples, `latentgrad_${name}.py`);

/** Coloured slopes, each with a spot somewhere. */
function picture(index: number, [height, width, channels]: readonly [number, number, 1 | 3]) {
  const random = (stream: number, below: number) => hash32(index, stream, 0) % below;
  const spot = [random(0, height), random(1, width)] as const;
  const pixels = new Uint8Array(height * width * channels);
  for (let i = 0; i < pixels.length; i++) {
    const channel = i % channels;
    const [y, x] = [Math.floor(i / channels / width), Math.floor(i / channels) % width];
    const far = Math.hypot(y - spot[0], x - spot[1]);
    const slope = (random(2 + channel, 100) * y) / height + (60 * x) / width;
    pixels[i] = far < 2 ? 255 : Math.round(slope);
  }
  return { width, height, channels, pixels };
}

function trained(one: Case): Promise<Trained> {
  const name = `vae-${one.network}-${one.size?.join("x") ?? "glyphs"}`;
  const found = runs.get(name) ?? makeRun(one, join(temporary, "runs", name));
  runs.set(name, found);
  return found;
}

const runs = new Map<string, Promise<Trained>>();

async function makeRun({ network, size, ema, images }: Case, folder: string): Promise<Trained> {
  const host = new MemoryHost();
  if (size) for (let i = 0; i < 100; i++) host.putPicture(`/p/${100 + i}.png`, picture(i, size));
  const data = size ? "folder:/p" : "glyphs";
  const texts = {
    ...{ data, limit: "80", overfit: undefined, "full-train": "true" },
    ...{ epochs: "20", ema: ema ? "0.9" : undefined },
  };
  const settings = { network, latent: 3, beta: 0, width: WIDTH } as const;
  const more = { network, latent: "3", beta: "0", width: String(WIDTH), "learning-rate": "0.01" };
  await trainInMemory(host, texts, {}, more);
  mkdirSync(join(folder, "checkpoints"), { recursive: true });
  const best = "checkpoints/best.safetensors";
  writeFileSync(join(folder, best), host.files.get(`r/${best}`)!);

  const dataset = await loadDataset(data, { host });
  const { height, width, channels } = dataset;
  const shape = [IMAGES, height, width, channels];
  const bytes = (dataset.train.images as Uint8Array<ArrayBuffer>).slice(
    0,
    IMAGES * height * width * channels,
  );
  const file = join(folder, `images.${images}`);
  writeFileSync(file, imageFile(images, bytes, shape));

  const vae = new Vae(device, new HostRandom(2), dataset, settings);
  const checkpoint = join(folder, "checkpoints/best.safetensors");
  await load(vae, checkpoint);
  const x = tensor(device, Float32Array.from(bytes, toUnit), shape);
  const z = vae.encode({ x });
  const nats = await bernoulliNll(vae.decoder.forward(z), x).data();
  return {
    ...{ folder, checkpoint, images: file, image: { height, width, channels } },
    codes: await z.data(),
    reconstructions: await vae.decode(z).data(),
    nats: nats.reduce((sum, value) => sum + value, 0) / IMAGES,
  };
}

const toUnit = (byte: number) => byte / 255;

function load(vae: Vae, path: string): Promise<void> {
  return loadModel(
    vae,
    { bytes: new Uint8Array(readFileSync(path)), path },
    requireModel("vae", path),
  );
}

function imageFile(kind: Case["images"], bytes: Uint8Array, shape: readonly number[]): Uint8Array {
  if (kind === "bytes.npy") return npy("|u1", shape, bytes);
  if (kind === "floats.npy")
    return npy("<f4", shape, new Uint8Array(Float32Array.from(bytes, toUnit).buffer));
  const idx = idxFile(shape.slice(0, 3), bytes);
  return kind === "idx" ? idx : gzipSync(idx);
}

function npy(type: string, shape: readonly number[], bytes: Uint8Array): Uint8Array {
  return npyFile(npyDictionary(shape, type), bytes);
}

/** A float32 array from a file in NumPy's format. */
function readNpy(path: string): { shape: number[]; values: Float32Array } {
  const file = readFileSync(path);
  const end = 10 + file.readUInt16LE(8);
  const header = file.toString("latin1", 10, end);
  assert.match(header, /'descr': '<f4', 'fortran_order': False/);
  const shape = header
    .match(/\(([\d, ]+)\)/)![1]!
    .split(",")
    .map(Number);
  return { shape, values: new Float32Array(new Uint8Array(file.subarray(end)).buffer) };
}

function furthest(a: Float32Array, b: Float32Array): number {
  assert.is(a.length, b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

/** Runs a program on a run and compares with the engine; returns what it printed. */
async function compare(
  interpreter: string,
  name: "numpy" | "torch",
  { checkpoint, images, image, reconstructions, nats }: Trained,
  ...more: string[]
): Promise<string> {
  const out = join(temporary, `${name}.npy`);
  const args = [program(name), checkpoint, images, "--out", out, ...more];
  const { status, stdout, stderr } = await execute(interpreter, args);
  assert.is(status, 0, stderr);
  const { shape, values } = readNpy(out);
  assert.equal(shape, [IMAGES, image.height, image.width, image.channels]);
  const difference = furthest(values, reconstructions);
  assert.ok(difference < TOLERANCE, `${name} differs from the engine by ${difference}`);
  const [, printed] = stdout.match(/^reconstruction ([\d.]+) nats per sample over 9 images$/m)!;
  assert.ok(Math.abs(Number(printed) / nats - 1) < TOLERANCE, `${printed} nats and ${nats}`);
  return stdout;
}

/** The reconstructions have content and differ from each other, else anything would agree. */
function assertTelling({ reconstructions, image }: Trained): void {
  const size = image.height * image.width * image.channels;
  const each = Array.from({ length: IMAGES }, (_, i) =>
    reconstructions.subarray(i * size, (i + 1) * size),
  );

  for (const pixels of each)
    assert.ok(Math.max(...pixels) - Math.min(...pixels) > 0.2, "a picture is flat");
  assert.ok(furthest(each[0]!, each[1]!) > 0.02, "all pictures are the same");
}

for (const one of cases) {
  const { network, size = [28, 28, 1], ema, images } = one;
  const what = `${network} ${size.join("×")}, ${ema ? "with" : "without"} average, from ${images}`;

  test(`NumPy reconstructs as the engine does: ${what}`, async () => {
    const interpreter = await python("numpy");
    if (!interpreter) return skip("no Python with NumPy");
    const made = await trained(one);
    assertTelling(made);
    await compare(interpreter, "numpy", made);
  });

  test(`PyTorch reconstructs as the engine does: ${what}`, async () => {
    const interpreter = await python("numpy, torch");
    if (!interpreter) return skip("no Python with PyTorch");
    const stdout = await compare(interpreter, "torch", await trained(one), "--compare");
    const [, difference] = stdout.match(/^largest difference from NumPy (\S+)$/m)!;
    assert.ok(Number(difference) < TOLERANCE, stdout);
  });
}

test("the average of the weights is another model than the weights", async () => {
  const interpreter = await python("numpy");
  if (!interpreter) return skip("no Python with NumPy");
  const { checkpoint, images, reconstructions } = await trained(cases[0]!);
  const plain = join(dirname(checkpoint), "plain.safetensors");
  const out = join(temporary, "plain.npy");
  const script = `
from latentgrad_numpy import *
arrays, metadata = read_safetensors(${JSON.stringify(checkpoint)})
kept = {name: a for name, a in arrays.items() if not name.startswith(("ema.", "optimiser."))}
assert len(kept) == 16 and all("ema." + name in arrays for name in kept)
write_safetensors(${JSON.stringify(plain)}, kept, metadata)`;
  const written = await execute(interpreter, ["-c", script]);
  assert.is(written.status, 0, written.stderr);
  const args = [program("numpy"), plain, images, "--out", out];
  const { status, stderr } = await execute(interpreter, args);
  assert.is(status, 0, stderr);
  assert.ok(furthest(readNpy(out).values, reconstructions) > 10 * TOLERANCE);
});

/** The Python of the document, in order. */
function blocks(): string[] {
  const text = readFileSync("docs/python.md", "utf8");
  return [...text.matchAll(/^```python\n([\s\S]*?)^```$/gm)].map(([, block]) => block!);
}

/** Puts the run where the document has one. */
async function documentedRun(): Promise<Trained> {
  const made = await trained(cases[0]!);
  cpSync(made.folder, join(temporary, "runs/vae-mnist"), { recursive: true });
  cpSync(made.images, join(temporary, "t10k-images-idx3-ubyte.gz"));
  return made;
}

for (const modules of ["numpy", "numpy, torch"] as const) {
  test(`what docs/python.md does with ${modules} works, and the engine loads what it writes`, async () => {
    const interpreter = await python(modules);
    if (!interpreter) return skip(`no Python with ${modules}`);
    const { codes, reconstructions, image } = await documentedRun();
    const own = blocks().filter((block) => block.includes("torch") === (modules !== "numpy"));
    assert.ok(own.length > 0);
    const check = `
import numpy as np
again = latentgrad_numpy.load("runs/vae-mnist/checkpoints/tuned.safetensors")
np.save("codes.npy", ${modules === "numpy" ? "z" : "again.encode(images)"})
np.save("decoded.npy", again.decode(np.array([[0.5, -1, 2]])))`;
    const { status, stderr } = await execute(interpreter, ["-c", [...own, check].join("\n")]);
    assert.is(status, 0, stderr);
    const read = (name: string) => readNpy(join(temporary, name)).values;
    // The block for NumPy leaves the encoder as it is, that for PyTorch trains it.
    const same = furthest(read("codes.npy"), codes) < TOLERANCE;
    assert.is(same, modules === "numpy", "codes");

    const vae = new Vae(device, new HostRandom(3), image, {
      ...{ network: "conv", latent: 3, beta: 1, width: WIDTH },
    });
    await load(vae, join(temporary, "runs/vae-mnist/checkpoints/tuned.safetensors"));
    const pixels = await vae.decode(tensor(device, [[0.5, -1, 2]])).data();
    const difference = furthest(read("decoded.npy"), pixels);
    assert.ok(difference < TOLERANCE, `${difference}`);
    const before = await vae.decode(tensor(device, codes, [IMAGES, 3])).data();
    assert.ok(furthest(before, reconstructions) > TOLERANCE, "it is tuned");
  });
}

test("bad files and bad usage are one line and a status", async () => {
  const interpreter = await python("numpy");
  if (!interpreter) return skip("no Python with NumPy");
  const { checkpoint, images, folder } = await trained(cases[0]!);
  const other = await trained(cases[2]!);
  const small = await trained(cases[3]!);
  const sound = readFileSync(checkpoint);
  const put = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(temporary, name), bytes);
    return join(temporary, name);
  };
  const flipped = Uint8Array.from(sound);
  flipped[flipped.length - 100]! ^= 1;
  const renamed = Buffer.from(sound);
  renamed.write("VAE", renamed.indexOf('"model":"vae"') + 9);
  const gz = readFileSync(images);
  const idx = readFileSync(other.images);
  // A pickle that would make a file: it must not be run.
  const pickle = Buffer.from("cbuiltins\nopen\n(Vran\nVw\ntR.");
  const all: [number, RegExp, string[]][] = [
    [3, /ends after 900 bytes/, [put("cut.safetensors", sound.subarray(0, 900)), images]],
    [3, /values, expected/, [put("short.safetensors", sound.subarray(0, -4)), images]],
    [3, /bytes of values/, [put("more.safetensors", Buffer.concat([sound, gz])), images]],
    [3, /values do not match their hash/, [put("flip.safetensors", flipped), images]],
    [3, /header does not match its hash/, [put("name.safetensors", renamed), images]],
    [3, /not a safetensors file|within the header/, [images, images]],
    [3, /has images of 28×28×1, these are 7×5×3/, [checkpoint, small.images]],
    [3, /damaged gzip/, [checkpoint, put("cut.gz", gz.subarray(0, -5))]],
    [3, /less than the 7056 pixels/, [other.checkpoint, put("cut.idx", idx.subarray(0, -1))]],
    [3, /more than the 7056/, [other.checkpoint, put("more.idx", Buffer.concat([idx, gz]))]],
    [3, /neither an IDX/, [checkpoint, checkpoint]],
    [3, /not a sound \.npy/, [checkpoint, put("o.npy", npy("|O", [1, 1, 1], pickle))]],
    [3, /type int32/, [checkpoint, put("i.npy", npy("<i4", [1, 28, 28], new Uint8Array(3136)))]],
    [3, /outside/, [checkpoint, put("f.npy", npy("<f4", [1, 28, 28], loud()))]],
    [7, /no\.idx: No such file/, [checkpoint, join(folder, "no.idx")]],
    [7, /No such file/, [checkpoint, images, "--out", join(temporary, "no/where.npy")]],
    [2, /required/, [checkpoint]],
    [2, /whole number/, [checkpoint, images, "--count", "0"]],
    [2, /unrecognized/, [checkpoint, images, "--cout", "1"]],
    [2, /does not end in \.npy/, [checkpoint, images, "--out", "x.png"]],
  ];
  const outcomes = await executeAll(
    interpreter,
    program("numpy"),
    all.map(([, , args]) => args),
    temporary,
  );
  for (const [i, [expected, message, args]] of all.entries()) {
    const { status, stdout, stderr } = outcomes[i]!;
    assert.is(status, expected, `${args.join(" ")}: ${stderr}`);
    assert.ok(message.test(stderr), `${message}: ${stderr}`);
    assert.match(stderr, /^latentgrad_numpy\.py: [^\n]+\n$/);
    assert.ok(expected === 7 || stdout === "", stdout);
  }
  // And as a process of its own.
  const [expected, message, args] = all[0]!;
  const { status, stdout, stderr } = await execute(interpreter, [program("numpy"), ...args]);
  assert.equal([status, stdout], [expected, ""], stderr);
  assert.ok(message.test(stderr), stderr);
  assert.throws(() => readFileSync(join(temporary, "ran")), /ENOENT/);
});

/** A picture with one pixel above 1. */
function loud(): Uint8Array {
  const values = new Float32Array(28 * 28);
  values[5] = 1.5;
  return new Uint8Array(values.buffer);
}

test.run();
