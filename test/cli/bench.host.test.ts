/** The command `bench` as a user calls it. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { BenchReport } from "../../src/bench/run.ts";
import { ChildEnded } from "../../src/cli/child-ended.ts";
import { runCommand } from "../../src/cli/program.ts";
import type { Device } from "../../src/gpu/device.ts";
import type { FindVariants } from "../../src/tune/used-variants.ts";
import { writeTable } from "../../src/tune/variant-files.ts";
import { unusedActions } from "../support/actions.ts";
import { emptyLadder, emptyListing, emptyReport } from "../support/bench-reports.ts";
import { start } from "../support/command.ts";
import { MemoryHost } from "../support/memory-host.ts";

const test = suite("bench");

/** Of two comparisons one says nothing. */
const comparedReport: BenchReport = {
  ...emptyReport,
  peers: [
    {
      ...{ peer: "tfjs-webgpu", what: "matmul/64x64x64", ms: 8, minMs: 7, maxMs: 9, ratio: 4 },
      ours: { ms: 2, minMs: 1, maxMs: 3 },
      ...{ difference: 1e-6, tolerance: 1e-4 },
    },
  ],
  peerFailures: [{ peer: "jax-js-wasm", what: "matmul/64x64x64", message: "no memory" }],
};

/** Runs a command line with doubles for what measures. */
async function run(...argv: string[]) {
  const host = new MemoryHost();
  const asked: unknown[] = [];
  const status = await runCommand(["bench", ...argv], host, {
    ...unusedActions,
    bench: async (options, log) => {
      asked.push(options);
      log("kernel/x/1");
      return emptyReport;
    },
    benchWithPeers: async (options) => {
      asked.push({ ...options, peers: true });
      return comparedReport;
    },
    serveBenchPage: async (port) => {
      asked.push({ port });
      return { url: "http://127.0.0.1:1/key/", closed: Promise.resolve() };
    },
    benchProgram: async (options) => {
      asked.push(options);
      return emptyListing;
    },
    benchLadder: async (name, options, log) => {
      asked.push({ name, ...options });
      log("ladder/x/01_naive");
      const rung = { name: "01_naive", idea: "the definition" };
      return { ...emptyLadder, rungs: name === "broken" ? [{ ...rung, wrong: "1, not 2" }] : [] };
    },
  });
  return { status, host, asked };
}

test("tells the measurements what to do, and prints or writes what they found", async () => {
  const plain = await run("--filter", "^kernel/matmul", "--runs", "3");
  assert.is(plain.status, 0);
  assert.equal(plain.asked, [{ filter: /^kernel\/matmul/, runs: 3 }]);
  assert.match(plain.host.out, /^Ceilings of the adapter$/m);
  assert.is(plain.host.err, "kernel/x/1\n");
  const quiet = await run("--quiet");
  assert.equal([quiet.host.err, quiet.asked], ["", [{ filter: undefined, runs: undefined }]]);
  const printed = await run("--json");
  assert.equal(JSON.parse(printed.host.out), emptyReport);
  const written = await run("--json", "results/bench.json");
  assert.equal(JSON.parse(written.host.text("results/bench.json")), emptyReport);
  assert.match(written.host.out, /^Ceilings of the adapter$/m);
});

test("a file that cannot be written costs no measurement", async () => {
  const json = ["--json", "results/bench.json"];
  const never = new MemoryHost();
  never.failOn = "results";
  const refused = await runCommand(["bench", ...json], never, unusedActions);
  assert.equal([refused, never.out], [7, ""]);
  assert.match(never.err, /^latentgrad: results\/bench\.json: no space left on device\n$/);

  for (const words of [[], ["--program", "vae"], ["--ladder", "matmul"]]) {
    const host = new MemoryHost();
    host.put("results/bench.json", "the last");
    const full = <T>(result: T): T => {
      assert.is(host.text("results/bench.json"), "the last");
      host.failOn = "results";
      return result;
    };
    const status = await runCommand(["bench", ...words, ...json], host, {
      ...unusedActions,
      bench: async () => full(emptyReport),
      benchProgram: async () => full(emptyListing),
      benchLadder: async () => full(emptyLadder),
    });
    assert.is(status, 7);
    assert.match(host.out, /an adapter/);
    assert.match(host.err, /^latentgrad: results\/bench\.json: no space left on device$/m);
  }
  const missing = new MemoryHost();
  let paths: unknown;
  await runCommand(["bench", ...json], missing, {
    ...unusedActions,
    bench: async () => {
      paths = missing.paths();
      return emptyReport;
    },
  });
  assert.equal([paths, missing.paths()], [[], ["results/bench.json"]]);
});

test("follows what tune has kept for the adapter, where it is told to", async () => {
  const adapter = { kind: "other", name: "an adapter", runtime: "node" } as const;
  const device = { adapter, has: { f16: false, subgroups: false } } as unknown as Device;
  for (const words of [
    ["--filter", "kernel"],
    ["--program", "vae"],
  ]) {
    const [plain] = (await run(...words)).asked as [object];
    assert.not.ok("variants" in plain, words.join(" "));
    const { asked, host, status } = await run("--tuned", ...words);
    assert.is(status, 0);
    const [{ variants }] = asked as [{ variants: FindVariants }];
    assert.equal(await variants(device), {});
    const choices = { "matmul 1×1×1": "registers 1x1" };
    await writeTable(host, device, { choices, measured: {} });
    assert.equal(await variants(device), choices);
  }
});

test("runs a ladder, and fails where a result is wrong", async () => {
  const plain = await run("--ladder", "matmul", "--runs", "2");
  assert.is(plain.status, 0);
  assert.equal(plain.asked, [{ name: "matmul", rounds: 2 }]);
  assert.is(plain.host.err, "ladder/x/01_naive\n");
  assert.match(plain.host.out, /^ladder {4}matmul, 1×1×1$/m);
  const printed = await run("--ladder", "matmul", "--json");
  assert.equal(JSON.parse(printed.host.out), emptyLadder);
  const broken = await run("--ladder", "broken", "--quiet");
  assert.is(broken.status, 1);
  assert.match(broken.host.out, /^01_naive +WRONG: 1, not 2$/m);
  assert.is(broken.host.err, "latentgrad: wrong results: 01_naive\n");
  for (const also of [
    ["--program", "vae"],
    ["--filter", "x"],
    ["--batch", "2"],
  ])
    assert.is((await run("--ladder", "matmul", ...also)).status, 2, also.join(" "));
});

test("rates the kernels of a module, and fails where results differ from the library's", async () => {
  const host = new MemoryHost();
  const comparison = { kernel: "k/1", against: "latentgrad exp", ratio: 2, difference: 1e-5 };
  const asked: unknown[] = [];
  const rate = (difference: number, ...argv: string[]) =>
    runCommand(["bench", "--kernel", "k.js", ...argv], host, {
      ...unusedActions,
      benchKernel: async (file, options) => {
        asked.push({ file, ...options });
        return { ...emptyReport, comparisons: [{ ...comparison, difference }] };
      },
    });
  assert.is(await rate(1e-5, "--runs", "2"), 0);
  assert.match(host.out, /^k\/1 +latentgrad exp +2\.00 +1\.0e-5$/m);
  assert.equal(asked, [{ file: "k.js", runs: 2 }]);
  assert.is(await rate(0.5), 1);
  assert.match(host.err, /^latentgrad: results differ from the library's: k\/1$/m);
  for (const also of [["--filter", "x"], ["--ladder", "matmul"], ["--tuned"], ["--batch", "2"]]) {
    assert.is(await rate(0, ...also), 2);
    assert.match(host.err, new RegExp(`^latentgrad: ${also[0]} does not go with --kernel$`, "m"));
  }
});

test("imports the module that --kernel names, on Deno and on Node", async () => {
  const folder = mkdtempSync(join(tmpdir(), "latentgrad-kernel-"));
  const definition = `{ name: "k", wgsl: \`@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main() { y[0] = x[0]; }\`,
  shape: (x) => x, workgroups: () => 1, bench: { inputs: [[1]], against: "expp" } }`;
  const files = {
    "op.ts": `import { defineOp, Tensor } from "latentgrad";
import { createModel } from "latentgrad/models/all";
if (typeof createModel !== "function") throw new Error("an entry point is missing");
export const op: (x: Tensor) => Tensor = defineOp(${definition});`,
    "plain.js": `export default ${definition};`,
    "broken.js": "export default nothing;",
    "empty.js": "export {};",
    "kernel.wgsl": "",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const refused = /^latentgrad: k: latentgrad has no op "expp" \(did you mean exp\?\)\n$/;
  try {
    for (const [runtime, name, status, message] of [
      ["deno", "op.ts", 2, refused],
      ["node", "plain.js", 2, refused],
      ["node", "op.ts", 2, /: TypeScript runs on deno \(--runtime deno\), not on node\n$/],
      ["deno", "broken.js", 2, /^latentgrad: --kernel .*broken\.js: .*nothing is not defined\n$/],
      ["deno", "empty.js", 2, /^latentgrad: .*empty\.js exports no op: wanted /],
      ["deno", "kernel.wgsl", 2, /: wanted a JavaScript or TypeScript module/],
      ["deno", "none.js", 7, /^latentgrad: .*none\.js: no such file\n$/],
    ] as const) {
      const words = ["bench", "--kernel", join(folder, name), "--runtime", runtime];
      const outcome = await start(words).ended;
      assert.match(outcome.stderr, message);
      assert.equal([outcome.status, outcome.stdout], [status, ""], `${runtime} ${name}`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("serves a page on the usual port or another, and on nothing else", async () => {
  const plain = await run("--page");
  assert.equal([plain.status, plain.asked], [0, [{ port: 8417 }]]);
  assert.is(plain.host.out, "http://127.0.0.1:1/key/\n");
  assert.equal((await run("--page", "--port", "0", "--quiet")).asked, [{ port: 0 }]);
  for (const also of [
    ["--filter", "x"],
    ["--peers"],
    ["--program", "vae"],
    ["--ladder", "matmul"],
    ["--set", "latent=8"],
    ["--batch", "2"],
    ["--runs", "2"],
    ["--tuned"],
    ["--json"],
    ["--runtime", "chrome"],
  ]) {
    const { status, host, asked } = await run("--page", ...also);
    assert.equal([status, asked], [2, []], also.join(" "));
    assert.match(host.err, new RegExp(`^latentgrad: ${also[0]} does not go with --page: .+\n$`));
  }
});

test("prints the program of a model with settings", async () => {
  const { status, asked, host } = await run(
    ...["--program", "vae", "--set", "network=dense", "--set", "latent=8", "--batch", "16"],
  );
  assert.is(status, 0);
  const [{ entry, ...options }] = asked as [{ entry: { name: string } }];
  assert.is(entry.name, "vae");
  const settings = { network: "dense", latent: "8" };
  assert.equal(options, { settings, label: "vae", batch: 16, runs: undefined });
  assert.match(host.out, /^vae, batch 128, an adapter, node; timed by timestamps$/m);
});

test("compares with other engines, and fails where a comparison says nothing", async () => {
  const { status, asked, host } = await run("--peers", "--filter", "matmul");
  assert.equal(asked, [{ filter: /matmul/, runs: undefined, peers: true }]);
  assert.match(host.out, /^matmul\/64x64x64 +tfjs-webgpu +2\.00 +8\.00 +7\.00 +9\.00 +4\.00 /m);
  assert.match(host.out, /^failed: jax-js-wasm, matmul\/64x64x64: no memory$/m);
  assert.is(status, 1);
  assert.is(host.err, "latentgrad: comparisons that say nothing: 1\n");
  const json = await run("--peers", "--json");
  assert.equal(JSON.parse(json.host.out), comparedReport);
  assert.is(json.status, 1);
});

test("ends as a process of its own did that has said why", async () => {
  for (const childStatus of [4, 5, 6, 130]) {
    const host = new MemoryHost();
    const status = await runCommand(["bench", "--peers"], host, {
      ...unusedActions,
      async benchWithPeers() {
        throw new ChildEnded(childStatus);
      },
    });
    assert.equal([status, host.out, host.err], [childStatus, "", ""]);
  }
});

test("a measurement that fails is one line and its status, beside other engines, too", async () => {
  if (!existsSync("bench/peers/node_modules")) return;
  for (const peers of [[], ["--peers"]]) {
    const words = ["bench", ...peers, "--filter", "^ceiling/latency$", "--runtime", "deno"];
    const { status, stdout, stderr } = await start(words, { env: { LATENTGRAD_ADAPTER: "x" } })
      .ended;
    assert.equal([status, stdout], [2, ""], stderr);
    assert.match(stderr, /^latentgrad: unknown adapter "x": [^\n]+\n$/);
  }
});

test("says what the comparison with other engines wants", async () => {
  const { status, stdout, stderr } = await start(["bench", "--peers", "--runtime", "node"]).ended;
  const installed = existsSync("bench/peers/node_modules");
  const reason = installed
    ? "--peers runs on deno or chrome: the engines start on no other"
    : "--peers wants the other engines: npm ci --prefix bench/peers";
  assert.equal([status, stdout, stderr], [2, "", `latentgrad: ${reason}\n`]);
});

test("refuses what makes no sense, in one line with status 2", async () => {
  const cases: [string[], RegExp][] = [
    [["--filter", "("], /regular expression/],
    [["--filter", "kernel", "--program", "vae"], /--filter/],
    [["--peers", "--program", "vae"], /--peers/],
    [["--set", "latent=8"], /--set goes with --program/],
    [["--batch", "8"], /--batch goes with --program/],
    [["--program", "vea"], /unknown model "vea" \(did you mean vae\?\)|unknown model "vea"/],
    [["--program", "vae", "--set", "latents=8"], /latents: vae has no such setting/],
    [["--runs", "0"], /whole number/],
    [["--tuned", "--peers"], /--tuned does not go with --peers/],
    [["--tuned", "--ladder", "matmul"], /--tuned does not go with --ladder/],
    [["--port", "80"], /--port goes with --page/],
    [["--page", "--port", "65536"], /whole number/],
  ];
  for (const [argv, message] of cases) {
    const { status, host, asked } = await run(...argv);
    assert.is(status, 2, argv.join(" "));
    assert.match(host.err, message);
    assert.is(host.err.trimEnd().split("\n").length, 1);
    assert.equal(asked, []);
  }
});

test("a filter that finds nothing ends with status 2 before anything is measured", async () => {
  const { status, stdout, stderr } = await start(["bench", "--filter", "kernel/matmul/65x"]).ended;
  assert.is(status, 2);
  assert.is(stdout, "");
  assert.match(stderr, /^latentgrad: --filter kernel\/matmul\/65x: no measurement has such a name/);
});

test.run();
