/** A driver that really has no memory left, in a process that may not have more. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { skip } from "../support/skip.ts";

const test = suite("out of memory");

const MEBIBYTES = 2000;
const program = `
import { openDevice, ones, scope, zeros, exp, OutOfMemoryError } from "./src/entries/index.ts";
const device = await openDevice({ prefer: "swiftshader" });
const small = exp(zeros(device, [1000]));
await device.finish();
const kept = [];
let failure;
try {
  for (let i = 0; i < 40; i++) {
    kept.push(device.allocate("f32", 2 ** 24, "latent codes " + i));
    await device.finish();
  }
} catch (error) {
  failure = error;
}
const report = { kind: failure?.constructor.name, tensor: failure?.tensor, bytes: failure?.bytes };
report.message = failure?.message;
report.made = kept.length;
report.small = (await small.data())[999];
report.last = await device.read(kept.at(-1)).then(() => "data", (error) => error.constructor.name);
for (const value of kept) device.release(value);
device.pool.trim();
await device.finish();
report.afterwards = (await ones(device, [2 ** 24]).data())[5];
console.log(JSON.stringify(report));
process.exit(0);
`;

test("the error names the tensor, and the work goes on when there is room again", async () => {
  if (process.platform !== "linux") {
    skip("only Linux limits a process's memory by ulimit");
    return;
  }
  const cache = join(process.cwd(), "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "memory-"));
  try {
    const outfile = join(folder, "program.mjs");
    const { hostOptions } = await import(
      pathToFileURL(join(process.cwd(), "scripts/build.mjs")).href
    );
    const stdin = { contents: program, resolveDir: process.cwd(), loader: "ts" as const };
    await build({ ...hostOptions, stdin, outfile });
    const limit = `ulimit -v ${MEBIBYTES * 1024}; exec "$0" --max-old-space-size=100 "$1"`;
    const child = spawnSync("sh", ["-c", limit, process.execPath, outfile], {
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.is(child.status, 0, child.stderr);
    const report = JSON.parse(child.stdout) as Record<string, unknown>;
    assert.is(report.kind, "OutOfMemoryError", child.stdout);
    assert.is(report.tensor, `latent codes ${(report.made as number) - 1}`);
    assert.is(report.bytes, 2 ** 26);
    assert.match(
      report.message as string,
      /^out of GPU memory: latent codes \d+ wants 67108864 bytes, \S[^\n]*OUT_OF_DEVICE_MEMORY/,
    );
    assert.ok((report.made as number) > 2);
    assert.is(report.small, 1, "data from before is there");
    assert.is(report.last, "OutOfMemoryError", "what did not fit has none");
    assert.is(report.afterwards, 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
