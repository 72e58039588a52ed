/** Pages that are made with the installed package: each bundler's, in Chromium. */
import { readFileSync, rmSync } from "node:fs";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodePng } from "../../src/formats/png.ts";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { openChromium } from "../../src/host/chromium.ts";
import { availableRuntimes } from "../../src/host/node-launch.ts";
import { installPackage } from "../support/installed-package.ts";
import { pageBundlers } from "../support/page-bundlers.ts";
import { skip } from "../support/skip.ts";

interface Context {
  project: string;
}

const test = suite<Context>("pages");

test.before(async (context) => {
  context.project = await installPackage({ built: true });
});

test.after(({ project }) => rmSync(project, { recursive: true, force: true }));

/** An example of the documents, to the letter. */
function example(file: string): string {
  const source = readFileSync(`docs/examples/${file}`, "utf8");
  assert.ok(readFileSync("docs/library.md", "utf8").includes(source), `${file} is quoted`);
  return source;
}

const pageOf = (body: string, module: string) =>
  `<!doctype html><link rel="icon" href="data:,">${body}<script type="module" src="./${module}"></script>`;

/** Pictures of bars of several widths, as files that a page is given. */
function pictureFiles() {
  return Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const pixels = Uint8Array.from({ length: 32 * 32 }, (_, at) =>
        at % 32 < 4 + (i % 20) ? 240 : 10,
      );
      const png = await encodePng({ width: 32, height: 32, channels: 1, pixels });
      return { name: `${i}.png`, mimeType: "image/png", buffer: Buffer.from(png) };
    }),
  );
}

/** Waits for a page's title, which says how far it is; fails with what went wrong in the page. */
async function titled(page: Page, title: string, errors: readonly string[]): Promise<void> {
  const done = page.waitForFunction((title) => document.title === title, title, {
    timeout: 120_000,
  });
  await done.catch((error: Error) => assert.unreachable(`${errors.join("; ")} ${error.message}`));
}

for (const [bundler, bundle] of Object.entries(pageBundlers))
  test(`the page of docs/library.md trains on pictures of its own, saves and loads: ${bundler}`, async ({
    project,
  }) => {
    if (!(await availableRuntimes()).includes("chrome")) return skip("Chromium is not installed");
    const body = '<input type="file" multiple><canvas></canvas><a>save</a>';
    const files = { "page.ts": example("page.ts"), "index.html": pageOf(body, "page.ts") };
    const server = await bundle(project, "page", files);
    const { browser, page } = await openChromium(server.url);
    try {
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(error.message));
      await page.locator("input").setInputFiles(await pictureFiles());
      await titled(page, "trained", errors);
      const saved = await page.evaluate(async () => {
        const { href } = document.querySelector("a") as HTMLAnchorElement;
        const reader = new FileReader();
        reader.readAsDataURL(await (await fetch(href)).blob());
        await new Promise((resolve) => {
          reader.onload = resolve;
        });
        return String(reader.result).replace(/^.*,/, ""); // a list of numbers would take half a minute
      });
      const { metadata, tensors } = await readSafetensors(
        new Uint8Array(Buffer.from(saved, "base64")),
        "saved",
      );
      assert.equal([metadata.model, metadata.data, metadata.epoch], ["vae", "pictures", "10"]);
      assert.ok(tensors.has("head.weight"));
      const inked = await page.evaluate(() => {
        const canvas = document.querySelector("canvas") as HTMLCanvasElement;
        const context = canvas.getContext("2d") as CanvasRenderingContext2D;
        return new Set(context.getImageData(0, 0, canvas.width, canvas.height).data).size;
      });
      assert.ok(inked > 10, `${inked} values in the samples`);
    } finally {
      await browser.close();
      await server.close();
    }
  });

/** What a page asks of the worker of docs/library.md, with two trainers and a worker that is ended at work. */
const WORKER_PAGE = `
function start() {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const waiting = new Map(), seen = [];
  worker.onerror = (event) => { document.title = "failed: " + event.message; };
  worker.onmessage = ({ data }) => {
    if (data.progress) seen.push(data);
    else waiting.get(data.id)(data);
  };
  const ask = (name, ask, value) => new Promise((resolve, reject) => {
    const id = waiting.size;
    waiting.set(id, (data) => (data.error ? reject(new Error(data.error)) : resolve(data.answer)));
    worker.postMessage({ id, name, ask, value });
  });
  return { worker, ask, seen };
}
const options = { settings: { network: "dense", latent: 2, width: 0.05 }, batch: 8, validation: 0 };
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function until(done) {
  while (!done()) await wait(5);
}
async function scenario() {
  const ended = start();
  await ended.ask("a", "create", options);
  ended.ask("a", "train", { every: 1 });
  await until(() => ended.seen.length > 0);
  ended.worker.terminate();
  const times = [performance.now()];
  const timer = setInterval(() => times.push(performance.now()), 5);
  const { worker, ask, seen } = start();
  const of = (name) => seen.filter((each) => each.name === name);
  await Promise.all([ask("a", "create", options), ask("b", "create", options)]);
  await ask("b", "set", { beta: 4, learningRate: 5e-4 });
  const steps = await Promise.all(["a", "b"].map((name) => ask(name, "train", { epochs: 2, every: 1 })));
  const files = await Promise.all(["a", "b"].map((name) => ask(name, "checkpoint")));
  const samples = await ask("a", "sample", 2);
  await ask("a", "pause");
  let going = ask("a", "train", { epochs: 1000, every: 1 });
  await wait(100);
  const held = of("a").length;
  await ask("a", "resume");
  await until(() => of("a").length > held + 1);
  await ask("a", "stop");
  const stopped = await going;
  const told = of("a").length;
  going = ask("a", "train", { epochs: 1000, every: 1 });
  await until(() => of("a").length > told);
  await ask("a", "stop");
  const last = await going;
  clearInterval(timer);
  const refused = await ask("a", "set", { depth: 3 }).catch((error) => error.message);
  worker.terminate();
  const losses = (name) => of(name).map(({ progress }) => progress.terms.loss);
  window.result = {
    steps, held, stopped, told, last, refused, times, sizes: files.map((file) => file.length),
    values: samples.values.length, losses: [losses("a"), losses("b")], first: ended.seen[0].progress.terms.loss,
  };
  document.title = "trained";
}
scenario().catch((error) => { document.title = "failed: " + error; });
`;

interface WorkerResult {
  readonly steps: number[];
  readonly held: number;
  readonly stopped: number;
  readonly told: number;
  readonly last: number;
  readonly refused: string;
  /** When the page's timer came, in milliseconds. */
  readonly times: number[];
  readonly sizes: number[];
  readonly values: number;
  readonly losses: [number[], number[]];
  readonly first: number;
}

for (const bundler of ["esbuild", "Vite's build"] as const)
  test(`the worker of docs/library.md trains, is told what to do, and may be ended: ${bundler}`, async ({
    project,
  }) => {
    if (!(await availableRuntimes()).includes("chrome")) return skip("Chromium is not installed");
    const server = await pageBundlers[bundler](project, "worker", {
      "worker.ts": example("worker.ts"),
      "page.ts": WORKER_PAGE,
      "index.html": pageOf("", "page.ts"),
    });
    const { browser, page } = await openChromium(server.url);
    try {
      await page.waitForFunction(() => /^(trained|failed)/.test(document.title), null, {
        timeout: 120_000,
      });
      assert.is(await page.title(), "trained");
      const result = (await page.evaluate("window.result")) as WorkerResult;
      const { steps, held, stopped, told, last, refused, times, losses, first } = result;
      assert.equal([steps, held, result.values], [[16, 16], 16, 2 * 784]);
      assert.ok(stopped >= 18 && told === stopped, `${stopped} steps, ${told} told`);
      assert.ok(last > stopped && losses[0].length === last, "it goes on after a stop");
      assert.is(first, losses[0][0], "the worker before it had the same first step");
      assert.is.not(losses[0][15], losses[1][15], "β is another");
      assert.match(refused, /depth/);
      assert.ok(Math.min(...result.sizes) > 10_000, `${result.sizes} bytes`);
      const [begin = 0, end = 0] = [times[0], times.at(-1)];
      const gap = Math.max(...times.slice(1).map((time, i) => time - (times[i] as number)));
      console.log(
        `page free: ${times.length} ticks in ${(end - begin).toFixed()} ms, ${gap.toFixed()} ms apart at most`,
      );
      assert.ok((end - begin) / times.length < 50, "the page's timer is held up");
    } finally {
      await browser.close();
      await server.close();
    }
  });

test.run();
