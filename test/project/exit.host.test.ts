/** Processes that open a device and work end soon after: nothing they hold keeps them alive. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { availableRuntimes, runtimeCommand } from "../../src/host/node-launch.ts";
import { skip } from "../support/skip.ts";

interface Context {
  folder: string;
  script: string;
}

const PROCESSES = 20;
const LONGEST_MILLISECONDS = 2000;

/** Opens a device, adds two vectors and leaves the device as it is. */
const SCRIPT = `
import { add, openDevice, tensor } from "./src/entries/index.ts";
const device = await openDevice();
const sum = add(tensor(device, [1, 2, 3]), tensor(device, [10, 20, 30]));
console.log("done " + JSON.stringify([...(await sum.data())]));
`;

const test = suite<Context>("process exit");

test.before(async (context) => {
  const cache = join(process.cwd(), "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  context.folder = mkdtempSync(join(cache, "exit-"));
  context.script = join(context.folder, "script.mjs");
  const { bundleOptions } = await import(
    pathToFileURL(join(process.cwd(), "scripts/build.mjs")).href
  );
  await build({
    ...bundleOptions,
    platform: "neutral",
    stdin: { contents: SCRIPT, resolveDir: process.cwd() },
    outfile: context.script,
  });
});

test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));

/** Milliseconds from the child's line to its end. */
async function lingering(runtime: "deno" | "node", script: string): Promise<number> {
  const { command, args, env } = await runtimeCommand(runtime, script, []);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const limit = setTimeout(() => child.kill("SIGKILL"), 60_000);
    let output = "";
    let errors = "";
    let done: number | undefined;
    child.stdout.on("data", (data) => {
      output += data;
      if (output.includes("done [11,22,33]\n")) done ??= performance.now();
    });
    child.stderr.on("data", (data) => {
      errors += data;
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      clearTimeout(limit);
      if (code === 0 && done !== undefined) resolve(performance.now() - done);
      else reject(new Error(`${runtime} ended by ${signal ?? code}: ${output}${errors}`));
    });
  });
}

for (const runtime of ["deno", "node"] as const) {
  test(`${PROCESSES} processes on ${runtime} end within 2 s of finishing`, async ({ script }) => {
    if (!(await availableRuntimes()).includes(runtime)) return skip(`${runtime} is not installed`);
    const times: number[] = [];
    const worker = async () => {
      while (times.length < PROCESSES - 1) times.push(await lingering(runtime, script));
    };
    await Promise.all([worker(), worker()]);
    assert.ok(times.length >= PROCESSES);
    const longest = Math.max(...times);
    assert.ok(longest < LONGEST_MILLISECONDS, `one took ${longest.toFixed(0)} ms to end`);
  });
}

test.run();
