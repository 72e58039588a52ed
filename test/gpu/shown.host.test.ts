/** What `console.log` shows of the library's objects, in each runtime. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openChromium } from "../../src/host/chromium.ts";
import { availableRuntimes, runtimeCommand } from "../../src/host/node-launch.ts";
import { servePage } from "../../src/host/page-server.ts";
import { skip } from "../support/skip.ts";

const test = suite<{ folder: string; script: string; insecure: string }>("objects in consoles");

const source = `
import { Adam, HostRandom, Linear, openDevice, mul, parameter, record, tensor } from "./src/entries/index.ts";
const device = await openDevice();
const w = parameter(device, new Float32Array(3), [3], "w");
console.log(tensor(device, [[1, 2], [3, 4]]));
console.log(w);
console.log(device);
const { program } = await record(device, () => mul(w, 2));
console.log(program);
if (!globalThis.document) {
  console.log(w.value);
  console.log({ x: w });
  console.log(new Linear(device, new HostRandom(1), 3, 4));
  console.log(new Adam(device, [w], { learningRate: 0.1 }));
}
console.log("end");
`;

/** What `openDevice` says, in a classic script: a page without an address takes no modules. */
const refused = `
import { openDevice } from "./src/gpu/open.ts";
globalThis.refusal = openDevice().then(
  () => "opened",
  (error) => [error.name, error.exitCode, error.message].join(" "),
);
`;

async function bundle(contents: string, format: "esm" | "iife"): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: process.cwd(), loader: "ts" },
    bundle: true,
    format,
    target: "es2022",
    platform: "neutral",
    loader: { ".wgsl": "text" },
    write: false,
  });
  return outputFiles[0]!.text;
}

test.before(async (context) => {
  const cache = join(process.cwd(), "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  context.folder = mkdtempSync(join(cache, "shown-"));
  context.script = join(context.folder, "shown.mjs");
  writeFileSync(context.script, await bundle(source, "esm"));
  context.insecure = await bundle(refused, "iife");
});
test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));

const everywhere = [
  /^Tensor \[2, 2\] f32$/,
  /^Tensor \[3\] f32$/,
  /^Device \S.*, (deno|node|chrome)$/,
  /^Program of 1 dispatches, 0 copies, 1 submits$/,
];
const terminals = [
  ...everywhere,
  /^Value of 3 f32 \(w\)$/,
  /^\{ x: Tensor \[3\] f32 \}$/,
  /^Linear with 16 parameters$/,
  /^adam of 3 parameters$/,
];

function assertLines(lines: readonly string[], patterns: readonly RegExp[]): void {
  assert.is(lines.length, patterns.length + 1, lines.join("\n"));
  for (const [i, pattern] of patterns.entries()) assert.match(lines[i]!, pattern);
}

for (const runtime of ["deno", "node"] as const)
  test(`are lines in ${runtime}`, async ({ script }) => {
    if (!(await availableRuntimes()).includes(runtime)) {
      skip(`no WebGPU in ${runtime}`);
      return;
    }
    const { command, args, env } = await runtimeCommand(runtime, script, []);
    const { stdout } = await promisify(execFile)(command, args, { env, timeout: 60_000 });
    assertLines(stdout.trim().split("\n"), terminals);
  });

test("are lines in Chrome; an insecure page is told so", async ({ script, insecure }) => {
  if (!(await availableRuntimes()).includes("chrome")) {
    skip("no WebGPU in chrome");
    return;
  }
  const server = await servePage({ script: await readFile(script), config: {} });
  try {
    const { browser, page } = await openChromium(server.url);
    await page.goto("about:blank"); // what the page that came with the browser has yet to say is not counted
    const lines: string[] = [];
    const ended = new Promise<void>((resolve) => {
      page.on("console", (message) => {
        lines.push(message.text());
        if (message.text() === "end") resolve();
      });
      page.on("pageerror", (error) => lines.push(error.message));
    });
    await page.goto(server.url);
    await ended;
    // A page that is neither on https nor on localhost has no WebGPU.
    await page.goto("about:blank");
    await page.addScriptTag({ content: insecure });
    const refusal = await page.evaluate("refusal");
    await browser.close();
    assert.is(refusal, "NoAdapterError 4 WebGPU needs https or localhost");
    assertLines(lines, everywhere);
  } finally {
    await server.close();
  }
});

test.run();
