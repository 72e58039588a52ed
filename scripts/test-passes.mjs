/**
 * Which test file runs on which runtime in `npm test`: the first runtime of all runs everything; the first of
 * another adapter what compiles kernels of its own; all runtimes what may differ by runtime. Tiles are small
 * there. `npm run test:long` runs every file on every runtime, with the tiles that the adapter bears.
 */

/** The runtimes, those first that are the first choice of an adapter. */
export const runtimes = ["deno", "node", "chrome"];

/**
 * What runs on every runtime in `npm test`: what an implementation of WebGPU or a JavaScript engine does
 * in its own way.
 */
export const portable = [
  { files: /^test\/gpu\/(adapter|open)\./, reason: "adapters and limits are asked for" },
  {
    files: /^test\/gpu\/(errors|lost|liveness)\./,
    reason: "errors are reported later and elsewhere",
  },
  {
    files: /^test\/gpu\/(textures|program|program-memory|profiler)\./,
    reason: "copies, replays and timestamps",
  },
  {
    files: /^test\/kernels\/(map|functions|textures|half)\./,
    reason: "texel reads and features",
  },
  { files: /^test\/tensor\//, reason: "uploads and read-back" },
  { files: /^test\/train\/golden\./, reason: "one curve is the same everywhere" },
  { files: /^test\/models\/vae\./, reason: "a model records, trains and samples" },
  { files: /^test\/cli\//, reason: "the console, and how commands stop" },
  {
    files: /^test\/(data\/picture|formats\/(zip|png))\./,
    reason: "the platform decodes and inflates",
  },
];

/**
 * What stands on the ops, or measures them: where they are right, on an adapter, it is. In `npm test` it runs
 * once. A folder that is not named runs once an adapter.
 */
export const aboveOps =
  /^test\/(bench|cli|data|experiments|figures|formats|math|metrics|models|settings|train)\//;

export const isPortable = (file) => portable.some(({ files }) => files.test(file));

/**
 * The files of each runtime in `npm test`.
 *
 * @param files that run everywhere
 * @param adapters the adapter of each runtime, by a name that equal ones share; undefined where it has none
 * @param deviceless those of the files that can open no device: they run once
 */
export function shortPasses(files, adapters, deviceless) {
  const seen = new Set();
  const passes = {};
  for (const runtime of runtimes) {
    const first = seen.size === 0;
    const newAdapter = !seen.has(adapters[runtime]);
    seen.add(adapters[runtime]);
    passes[runtime] = files.filter(
      (file) =>
        first || isPortable(file) || (newAdapter && !deviceless.has(file) && !aboveOps.test(file)),
    );
  }
  return passes;
}

/**
 * Those files from which no import leads to the module that opens devices.
 *
 * @param inputs of esbuild's metafile: for each module what it imports
 */
export function findDeviceless(files, inputs, opener = "src/gpu/open.ts") {
  const importers = new Map();
  for (const [module, { imports }] of Object.entries(inputs))
    for (const { path } of imports) importers.set(path, [...(importers.get(path) ?? []), module]);
  const reached = new Set([opener]);
  for (const module of reached)
    for (const importer of importers.get(module) ?? []) reached.add(importer);
  return new Set(files.filter((file) => !reached.has(file)));
}

/**
 * Host tests that take 20 seconds and more, and long tests that take minutes, the longest of either kind
 * first.
 */
export const slow = [
  "test/models/defaults.device.long.test.ts",
  "test/models/science.device.long.test.ts",
  "test/models/family.device.long.test.ts",
  "test/train/memory.long.test.ts",
  "test/cli/special-files.long.test.ts",
  "test/cli/bench-kernel.long.test.ts",
  "test/cli/train.host.test.ts",
  "test/train/python.host.test.ts",
  "test/cli/commands.host.test.ts",
  "test/cli/figures.host.test.ts",
];

/** Files in an order that leaves no core idle at the end: those that are known to be slow first. */
export function longestFirst(files) {
  const known = slow.filter((file) => files.includes(file));
  return [...known, ...files.filter((file) => !known.includes(file))];
}

/** A list in so many parts, to which its elements go in turns. */
export function inTurns(list, parts) {
  return Array.from({ length: parts }, (_, part) => list.filter((_, i) => i % parts === part));
}
