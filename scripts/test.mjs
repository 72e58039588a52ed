/**
 * The test suite: format, lint, types and structure; every `*.test.ts` on Deno, and on Node and headless
 * Chromium what test-passes.mjs says; every `*.host.test.ts` on Node once. Tiles are small, which compile
 * soon. With --long every `*.test.ts` on all three with the tiles that the adapter bears, and the
 * `*.long.test.ts`, which take minutes: on Node once, and `*.device.long.test.ts` on Deno. With --runtime
 * all files on these runtimes.
 * Ends with one line `N passed, N failed`.
 *
 *   node scripts/test.mjs [--runtime deno,node,chrome,host,check] [--filter PART_OF_PATH]…
 *     [--adapter llvmpipe|swiftshader|gpu] [--limits default|used] [--jobs N]
 *     [--tiles small|usual] [--timeout SECONDS] [--verbose] [--long]
 */
import { readdirSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { build as bundle } from "esbuild";
import {
  build,
  bundleOptions,
  hostOptions,
  isStale,
  pageOptions,
  root,
  withoutNativeAdapter,
} from "./build.mjs";
import { apiChecks, checks } from "./check.mjs";
import { findDeviceless, inTurns, longestFirst, runtimes, shortPasses } from "./test-passes.mjs";

/** Tests of what reads through textures ask for it in pages, too, whose bundles else leave it out. */
const testPage = {
  ...pageOptions,
  plugins: [...bundleOptions.plugins, withoutNativeAdapter],
};

const { values: options } = parseArgs({
  options: {
    runtime: { type: "string" },
    filter: { type: "string", multiple: true, default: [] },
    adapter: { type: "string" },
    limits: { type: "string" },
    tiles: { type: "string" },
    // One more than two cores: Deno's pass sleeps for about half of its time, 10 ms and more at each read-back.
    jobs: { type: "string", default: "3" },
    timeout: { type: "string" },
    verbose: { type: "boolean", default: false },
    long: { type: "boolean", default: false },
  },
});

process.chdir(root);
const started = performance.now();
const totals = { passed: 0, failed: 0, skipped: 0 };
const results = [];
const print = (line) => console.log(line);
if (options.adapter) process.env.LATENTGRAD_ADAPTER = options.adapter;
// Most of the time goes into compiling shaders, and large tiles take several times as long.
if ((options.tiles ?? (options.long ? "usual" : "small")) === "small")
  process.env.LATENTGRAD_ACCUMULATORS ??= "16";

/** Test files in a fixed order. */
function findTests() {
  return readdirSync(join(root, "test"), { recursive: true })
    .map((file) => `test/${file.split(sep).join("/")}`)
    .filter((file) => file.endsWith(".test.ts"))
    .filter(
      (file) => options.filter.length === 0 || options.filter.some((part) => file.includes(part)),
    )
    .sort();
}

/** One file with all tests of a runtime; each is evaluated when its turn comes. */
function bundleTests(files, base, output) {
  const loaders = files.map((file) => `${JSON.stringify(file)}: () => import("./${file}"),`);
  return bundle({
    ...base,
    stdin: {
      contents: `import { runTests } from "./test/support/harness-entry.ts";
runTests({ ${loaders.join("\n")} });`,
      resolveDir: root,
      sourcefile: "tests.js",
      loader: "js",
    },
    // Only host tests build things themselves.
    external: ["esbuild", "playwright-core", "vite"],
    sourcemap: "inline",
    sourcesContent: false,
    ...output,
  });
}

/** Bundles what can be bundled; a file that cannot counts as failed and stops no other. */
async function bundleSound(name, files, base) {
  const outfile = join(work, `${name}.js`);
  const quiet = { ...base, logLevel: "silent" };
  try {
    await bundleTests(files, quiet, { outfile });
    return { outfile, sound: files };
  } catch {
    const sound = [];
    for (const file of files) {
      try {
        await bundleTests([file], quiet, { write: false, outfile });
        sound.push(file);
      } catch (error) {
        totals.failed++;
        print(`\nFAIL ${name} ${file}\n${error.message.replace(/^/gm, "    ")}\n`);
      }
    }
    await bundleTests(sound, base, { outfile });
    return { outfile, sound };
  }
}

async function loadHarness() {
  const outfile = join(work, "harness.js");
  await bundle({
    ...hostOptions,
    entryPoints: ["test/support/harness.ts"],
    external: ["playwright-core"],
    outfile,
  });
  return import(pathToFileURL(outfile).href);
}

async function runChecks() {
  for (const check of [...checks, ...apiChecks]) {
    const { passed, output } = await check.run();
    totals[passed ? "passed" : "failed"]++;
    print(
      passed ? `  check: ${check.name}` : `\nFAIL ${check.name}\n${output.replace(/^/gm, "    ")}`,
    );
  }
}

// Inside node_modules, so that Node finds the package `webgpu` from there.
// A folder for each process: two runs at a time must not overwrite each other's bundles.
const work = join(root, `node_modules/.cache/latentgrad-test-${process.pid}`);
await mkdir(work, { recursive: true });
process.on("exit", () => rmSync(work, { recursive: true, force: true }));
const known = ["check", ...runtimes, "host"];
const wanted = options.runtime?.split(",") ?? known;
for (const runtime of wanted) {
  if (!known.includes(runtime)) {
    console.error(`--runtime takes ${known.join(", ")}, not "${runtime}"`);
    process.exit(2);
  }
}
const files = findTests();
const isLong = (file) => file.endsWith(".long.test.ts");
const onHost = (file) => /(?<!\.device)\.(host|long)\.test\.ts$/.test(file);
const everywhere = files.filter((file) => !onHost(file) && !isLong(file));
const hostOnly = files.filter((file) => onHost(file) && !isLong(file));
const { adapterOn, runOn, usageTable } = await loadHarness();

/** Node's pass runs with the limits that every implementation of WebGPU grants. */
const limits = (runtime) => options.limits ?? (runtime === "node" ? "default" : "used");

/**
 * @param name of the bundle, where a runtime has several
 * @param more variables of the environment
 */
async function runRuntime(runtime, list, name = runtime, more = {}) {
  if (list.length === 0) return;
  const base = runtime === "chrome" ? testPage : hostOptions;
  const env = runtime === "host" ? {} : { LATENTGRAD_LIMITS: limits(runtime) };
  // A page has what it is given alone; the others have this process's environment, too.
  for (const name of ["LATENTGRAD_ADAPTER", "LATENTGRAD_ACCUMULATORS"])
    if (process.env[name]) env[name] = process.env[name];
  Object.assign(env, more);
  try {
    const { outfile, sound } = await bundleSound(name, list, base);
    const counts = await runOn({
      runtime,
      bundle: outfile,
      files: sound,
      env,
      timeoutSeconds: Number(options.timeout ?? (options.long ? 2700 : 1200)),
      verbose: options.verbose,
      print,
    });
    for (const kind of Object.keys(totals)) totals[kind] += counts[kind];
    results.push(...counts.files);
  } catch (error) {
    totals.failed++;
    print(`\nFAIL ${runtime}\n    ${error.stack ?? error}\n`);
  }
}

/** Which files run on which runtime. */
async function choosePasses() {
  // Whoever names runtimes wants all files on them.
  if (options.runtime || options.long || everywhere.length === 0)
    return Object.fromEntries(runtimes.map((name) => [name, everywhere]));
  const [adapters, deviceless] = await Promise.all([askAdapters(), askDeviceless()]);
  for (const [runtime, name] of Object.entries(adapters))
    print(`  ${runtime}: ${name ?? "no adapter"}`);
  return shortPasses(everywhere, adapters, deviceless);
}

/** The adapter of each runtime. */
async function askAdapters() {
  const names = runtimes.map(async (runtime) => {
    const bundle = join(work, `adapter-${runtime}.js`);
    await bundleTests([], runtime === "chrome" ? testPage : hostOptions, { outfile: bundle });
    const env = options.adapter ? { LATENTGRAD_ADAPTER: options.adapter } : {};
    const request = { runtime, bundle, files: [], env, timeoutSeconds: 60, verbose: false, print };
    return [runtime, await adapterOn(request)];
  });
  return Object.fromEntries(await Promise.all(names));
}

/** Those files that can open no device. */
async function askDeviceless() {
  const quiet = { logLevel: "silent", metafile: true, write: false, outdir: work };
  try {
    const external = ["esbuild", "playwright-core", "vite"];
    const options = { ...hostOptions, ...quiet, entryPoints: everywhere, external };
    return findDeviceless(everywhere, (await bundle(options)).metafile.inputs);
  } catch {
    return new Set(); // a file cannot be bundled: its pass says so
  }
}

const runAlone = (runtime, file) => runRuntime(runtime, [file], file.replaceAll("/", "-"));

/** Does what is in the queue, as many at a time as there are jobs. */
async function workOff(queue) {
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await next();
  };
  await Promise.all(Array.from({ length: Math.max(1, Number(options.jobs)) }, worker));
}

if (wanted.includes("host") && isStale()) await build({ withoutTypes: true, log: () => {} });
const passes = await choosePasses();
/** The passes that are wanted, the long ones first; of each its parts. */
const devicePasses = runtimes
  .filter((runtime) => wanted.includes(runtime))
  .sort((a, b) => passes[b].length - passes[a].length)
  .map((runtime, i) => {
    // The longest in two parts: one works while the other sleeps at a read-back.
    const parts = i === 0 && !options.long ? inTurns(passes[runtime], 2) : [passes[runtime]];
    return parts.map((list, k) => () => runRuntime(runtime, list, `${runtime}-${k}`));
  });
if (options.long) {
  // Each file by itself, since it keeps one core busy. The one that kills processes at certain moments
  // is alone: others would slow down what it kills.
  const runtimeOf = (file) => (onHost(file) ? "host" : "deno");
  const long = files.filter((file) => isLong(file) && wanted.includes(runtimeOf(file)));
  const kills = (file) => file.endsWith("/kill.long.test.ts");
  const jobs = longestFirst(long.filter((file) => !kills(file))).map(
    (file) => () => runAlone(runtimeOf(file), file),
  );
  // The longest file takes longer than any pass.
  const [longest, ...others] = jobs;
  await workOff([...(longest ? [longest] : []), ...devicePasses.flat(), ...others]);
  await runRuntime("host", long.filter(kills));
} else {
  const host = wanted.includes("host") ? hostOnly : [];
  // It watches how soon processes end, which others would make later.
  const alone = host.filter((file) => file.endsWith("/exit.host.test.ts"));
  // Tests of commands start processes and wait for them, so that several share two cores well. The rest
  // build and pack what commands run: not at the same time.
  const commands = longestFirst(host.filter((file) => /^test\/(train|cli)\//.test(file)));
  const rest = host.filter((file) => !commands.includes(file) && !alone.includes(file));
  let built = Promise.resolve();
  const [first = [], ...others] = devicePasses;
  await workOff([
    ...first,
    // Documents and packages are tested as users have them.
    () => (built = runRuntime("host", rest, "host", { LATENTGRAD_ACCUMULATORS: "" })),
    ...others.flat(),
    ...(wanted.includes("check") ? [() => built.then(runChecks)] : []),
    ...commands.map((file) => async () => {
      await built;
      await runAlone("host", file);
    }),
  ]);
  await runRuntime("host", alone);
}

if (totals.passed + totals.failed === 0) {
  totals.failed++;
  print("FAIL no test matches");
}
for (const line of usageTable(results)) print(line);
if (totals.skipped > 0) print(`${totals.skipped} skipped`);
print(`${((performance.now() - started) / 1000).toFixed(0)} s`);
print(`${totals.passed} passed, ${totals.failed} failed`);
process.exit(totals.failed > 0 ? 1 : 0);
