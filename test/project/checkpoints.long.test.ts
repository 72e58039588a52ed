/** Checkpoints of the command line in a page, and a page's on the command line. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { openChromium } from "../../src/host/chromium.ts";
import { availableRuntimes } from "../../src/host/node-launch.ts";
import { latentgradProcess } from "../support/command.ts";
import { installPackage, runInstalled } from "../support/installed-package.ts";
import { pageBundlers } from "../support/page-bundlers.ts";
import { skip } from "../support/skip.ts";

interface Context {
  project: string;
}

const test = suite<Context>("checkpoints of pages and the command line");

test.before(async (context) => {
  context.project = await installPackage({ built: true });
});

test.after(({ project }) => rmSync(project, { recursive: true, force: true }));

/** A page that loads a file, samples, goes on with the training in it and saves. Files go as base64. */
const PAGE = `
import { openDevice } from "latentgrad";
import { loadModel, saveWeights } from "latentgrad/checkpoints";
import { loadGlyphs } from "latentgrad/data";
import { imageGrid, toRgba } from "latentgrad/figures";
import { Vae } from "latentgrad/models";
import { Trainer } from "latentgrad/train";

const opened = openDevice();
const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
const textOf = (bytes) => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));

window.load = async (file) => {
  const vae = await loadModel(await opened, bytesOf(file), [Vae]);
  const images = await vae.sample(16, { seed: 3 });
  const weights = textOf(await saveWeights(vae));
  vae.close();
  return { weights, values: textOf(new Uint8Array(images.values.buffer)) };
};

window.goOn = async (file) => {
  const from = { model: Vae, data: loadGlyphs(), epochs: 2 };
  const trainer = await Trainer.restore(await opened, bytesOf(file), from);
  const { otherwise } = await trainer.restore(bytesOf(file));
  await trainer.step(4);
  const saved = textOf(await trainer.checkpoint());
  trainer.close();
  return { otherwise, saved };
};

/** How many bytes of a picture are not those of the samples of a file. */
window.differing = async (file, png) => {
  const vae = await loadModel(await opened, bytesOf(file), [Vae]);
  const grid = imageGrid(await vae.sample(16, { seed: 3 }));
  vae.close();
  const bitmap = await createImageBitmap(new Blob([bytesOf(png)]));
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const drawn = context.getImageData(0, 0, bitmap.width, bitmap.height).data;
  const own = toRgba(grid);
  if (drawn.length !== own.length) return own.length;
  return own.filter((value, i) => value !== drawn[i]).length;
};
document.title = "ready";
`;

/** The same samples by the installed package in Node. */
const PROGRAM = `
import { readFileSync } from "node:fs";
import { openDevice } from "latentgrad";
import { loadModel } from "latentgrad/checkpoints";
import { Vae } from "latentgrad/models";

const device = await openDevice();
const vae = await loadModel(device, new Uint8Array(readFileSync("sampled.safetensors")), [Vae]);
const { values } = await vae.sample(16, { seed: 3 });
console.log(Buffer.from(values.buffer).toString("base64"));
vae.close();
`;

const base64 = (path: string): string => readFileSync(path).toString("base64");

function floats(text: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(text, "base64")).buffer);
}

async function command(...args: string[]): Promise<void> {
  const { status, stderr } = await latentgradProcess(args);
  assert.is(status, 0, stderr);
}

const call = <T>(page: Page, name: string, ...values: string[]): Promise<T> =>
  page.evaluate(`window.${name}(...${JSON.stringify(values)})`) as Promise<T>;

interface Loaded {
  readonly weights: string;
  readonly values: string;
}

/** The weights that a page has are a file's, and its samples are those of Node and of the command line. */
async function compare(page: Page, project: string, file: string): Promise<void> {
  const { weights, values } = await call<Loaded>(page, "load", base64(file));
  const inPage = await readSafetensors(Uint8Array.from(Buffer.from(weights, "base64")), "page");
  const inFile = await readSafetensors(Uint8Array.from(readFileSync(file)), "file");
  assert.ok(inPage.tensors.size > 4);
  for (const [name, { shape, data }] of inPage.tensors) {
    const there = inFile.tensors.get(name);
    assert.equal(shape, there?.shape, name);
    assert.ok(Buffer.from(data.buffer).equals(Buffer.from(there!.data.slice().buffer)), name);
  }

  const png = join(project, "samples.png");
  const drawn = ["--count", "16", "--seed", "3", "--out", png, "--runtime", "chrome"];
  await command("sample", file, ...drawn);
  assert.is(await call<number>(page, "differing", base64(file), base64(png)), 0, "the picture");

  writeFileSync(join(project, "sampled.safetensors"), readFileSync(file));
  writeFileSync(join(project, "samples.mjs"), PROGRAM);
  const other = floats((await runInstalled(project, "node", "samples.mjs")).trim());
  const own = floats(values);
  assert.is(other.length, 16 * 784);
  assert.is(own.length, other.length);
  const worst = own.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0);
  assert.ok(worst <= 1e-5, `samples differ by ${worst}`);
}

test("a page loads the command line's checkpoint and goes on, and the command line reads the page's", async ({
  project,
}) => {
  const runtimes = await availableRuntimes();
  if (!runtimes.includes("chrome") || !runtimes.includes("node"))
    return skip("Chromium or Node's WebGPU is not installed");
  const run = join(project, "run");
  const small = ["network=dense", "latent=2", "width=0.05"].flatMap((set) => ["--set", set]);
  const sizes = ["--limit", "64", "--batch", "8", "--epochs", "1", "--validation", "8"];
  const where = ["--data", "glyphs", "--out", run, "--runtime", "chrome", "--quiet"];
  await command("train", "vae", ...where, ...sizes, ...small);
  const file = join(run, "checkpoints", "last.safetensors");
  assert.ok(existsSync(file));

  const files = {
    "page.ts": PAGE,
    "index.html": '<script type="module" src="./page.ts"></script>',
  };
  const server = await pageBundlers.esbuild(project, "checkpoints", files);
  const { browser, page } = await openChromium(server.url);
  try {
    await page.waitForFunction(() => document.title === "ready");
    await compare(page, project, file);
    const { otherwise, saved } = await call<{ otherwise: string; saved: string }>(
      page,
      "goOn",
      base64(file),
    );
    assert.is(otherwise, "", "nothing is to differ from a training without a stop");
    const own = join(project, "page.safetensors");
    writeFileSync(own, Buffer.from(saved, "base64"));
    assert.not.equal(readFileSync(own), readFileSync(file));
    await compare(page, project, own);
  } finally {
    await browser.close();
    await server.close();
  }
});

test.run();
