/** The command `bench` measures the ceilings of the adapter, which keeps the processor busy for half a minute. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ProgramListing } from "../../src/bench/program.ts";
import type { BenchReport } from "../../src/bench/run.ts";
import type { Device } from "../../src/gpu/device.ts";
import type { VariantChoices } from "../../src/gpu/variant-table.ts";
import { createNodeHost } from "../../src/host/node.ts";
import { writeTable } from "../../src/tune/variant-files.ts";
import { start } from "../support/command.ts";

const test = suite("bench, the ceilings");

test("measures a kernel against the ceilings of the same run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "latentgrad-bench-"));
  const file = join(folder, "bench.json");
  const env = { XDG_CACHE_HOME: folder };
  const small = ["--set", "network=dense", "--set", "width=0.05", "--batch", "4", "--runs", "1"];
  const first = ["bench", "--program", "vae", "--tuned", "--json", ...small];
  const listing = JSON.parse((await start(first, { env }).ended).stdout) as ProgramListing;
  assert.equal(listing.tuned, {}, "nothing has been tuned yet");
  const choices: VariantChoices = { "matmul 64×64×64": "tiled 64x64" };
  const adapterFacts = { kind: "other", name: listing.adapter, runtime: listing.runtime } as const;
  const owner = {
    adapter: adapterFacts,
    has: { f16: false, subgroups: false },
  } as unknown as Device;
  const cache = { ...(await createNodeHost()), cacheDir: join(folder, "latentgrad") };
  const kept = { ...choices, "matmul 1×1×1": "registers 1x1" };
  await writeTable(cache, owner, { choices: kept, measured: {} });

  const words = ["bench", "--filter", "kernel/matmul/64x64x64$", "--runs", "3", "--json", file];
  const { status, stdout, stderr } = await start([...words, "--tuned"], { env }).ended;
  assert.is(status, 0, stderr);
  assert.match(stdout, /^variants +as tuned on this adapter for 1 kernel, /m);
  assert.match(stdout, /^matmul\/64x64x64 /m);
  assert.match(stderr, /^ceiling\/multiply-add\n/);
  const report = JSON.parse(readFileSync(file, "utf8")) as BenchReport;
  rmSync(folder, { recursive: true });
  const { adapter, runtime, tuned, ceilings, kernels, steps, peers } = report;
  assert.equal(tuned, choices, "only what the kernel follows");
  assert.ok(adapter.length > 0);
  assert.is(runtime, "deno");
  assert.equal([steps, peers], [[], []]);
  assert.is(kernels.length, 1);
  const [kernel] = kernels as [(typeof kernels)[0]];
  assert.equal([kernel.name, kernel.shape], ["matmul", "64x64x64"]);
  assert.match(kernel.variant, /^tiled 64x64/);
  for (const value of [ceilings.fmaGflops, ceilings.copyGBps, kernel.ms]) assert.ok(value > 0);
  assert.ok(ceilings.dispatchMicros >= 0);
  const close = (a: number, b: number) =>
    assert.ok(Math.abs(a - b) < 1e-9 * Math.abs(b), `${a} ${b}`);
  close(kernel.gflops, (2 * 64 ** 3) / kernel.ms / 1e6);
  close(kernel.gbps, (3 * 4 * 64 ** 2) / kernel.ms / 1e6);
  assert.ok(kernel.fractionOfCeiling > 0 && kernel.fractionOfCeiling <= 1);
  assert.ok(kernel.gflops <= ceilings.fmaGflops);
});

test.run();
