/**
 * Builds dist/: the library as ES modules without dependencies, one for each entry point, the command line for Node and Deno,
 * the command line's page for Chrome, the benchmark's page, the licences of what these carry, and the
 * type declarations.
 *
 *   node scripts/build.mjs
 */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { bundledPackages, noticeComment, noticesOf } from "./licenses.mjs";

export const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

/**
 * A shader without comments, indentation, and spaces inside of functions that separate nothing; comments that
 * start with @ are for the host, which also looks for declarations and loops as they are written.
 */
export function shortShader(wgsl) {
  const separators = "=+*/%<>&|!-(){},;:?";
  return wgsl
    .replace(/[ \t]*\/\/(?!@).*$/gm, "")
    .replace(/^[ \t]+(?![ \t]|for\b|\}|@|.*\/\/@).*$/gm, (line) =>
      line.trim().replace(/(?<=(\S)) (?=(\S))/g, (space, before, after) =>
        // Of "> =" or "- -" without the space another operator would come.
        (separators.includes(before) || separators.includes(after)) &&
        !/[^\w(){}[\],;.]{2}/.test(before + after)
          ? ""
          : space,
      ),
    )
    .replace(/\s*\n\s*/g, "\n")
    .trimStart();
}

/**
 * All bundles have the same text of a shader: a training that goes on elsewhere finds its kernels again.
 *
 * @type {import("esbuild").Plugin}
 */
const shortShaders = {
  name: "short shaders",
  setup({ onLoad }) {
    onLoad({ filter: /\.wgsl$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      // Those of the ladders say in their comments what is new in a step.
      const isStep = path.split(sep).includes("ladder");
      return { contents: isStep ? text : shortShader(text), loader: "text" };
    });
  },
};

/**
 * What only Node and Deno need: what opens a device there, and what has kernels read through textures as
 * llvmpipe likes it, which browsers do not offer. These parts are imported where they are needed, under names
 * that stay. package.json's `browser` tells bundlers to leave them out of what is for browsers.
 */
const natives = [
  "src/gpu/native-adapter.ts",
  "src/gpu/read-probe.ts",
  "src/kernels/textured-items.ts",
].map((source) => ({ source, file: `lib/chunks/${basename(source, ".ts")}.js` }));

/** Leaves the parts of these names out of a bundle. */
const without = (names) => ({
  name: "without what is native",
  setup({ onLoad }) {
    const filter = new RegExp(`\\b(${names.join("|")})\\.ts$`);
    onLoad({ filter }, () => ({ contents: "", loader: "js" }));
  },
});

/**
 * Leaves out of a page what the package's manifest does.
 *
 * @type {import("esbuild").Plugin}
 */
export const withoutNative = without(natives.map(({ source }) => basename(source, ".ts")));

/** A page of tests has what reads through textures: they ask for it by their own costs. */
export const withoutNativeAdapter = without(["native-adapter"]);

/** Options that every bundle of this project shares. */
export const bundleOptions = {
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  loader: { ".wasm": "binary" },
  plugins: [shortShaders],
  mainFields: ["module", "main"],
  legalComments: "none",
  logLevel: "warning",
};

/** Bundles for Node and Deno: CommonJS packages inside them call `require` for Node's modules. */
export const hostOptions = {
  ...bundleOptions,
  platform: "node",
  banner: {
    js: 'import { createRequire as createRequireOfHost } from "node:module"; const require = createRequireOfHost(import.meta.url);',
  },
};

/** Bundles for a page: the argument parser asks for Node's modules without needing them there. */
export const pageOptions = {
  ...bundleOptions,
  plugins: [...bundleOptions.plugins, withoutNative],
  platform: "browser",
  alias: {
    "node:events": "./src/cli/shims/events.ts",
    "node:process": "./src/cli/shims/process.ts",
    "node:child_process": "./src/cli/shims/empty.ts",
    "node:fs": "./src/cli/shims/empty.ts",
    "node:path": "./src/cli/shims/empty.ts",
  },
};

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/**
 * The library's entry points, as the manifest exports them: `./models/all` is src/entries/models/all.ts and
 * becomes dist/lib/models/all.js.
 */
export const entries = Object.keys(manifest.exports)
  .filter((path) => path !== "./package.json")
  .map((path) => {
    const name = path === "." ? "index" : path.slice("./".length);
    return { path, name, source: `src/entries/${name}.ts`, file: `lib/${name}.js` };
  });

/** Parts that several entry points share: a page that imports two of them has one engine. */
const chunks = "lib/chunks";

/** The library as others bundle it: modules without dependencies, whose unused parts fall out. */
export const libraryOptions = {
  ...bundleOptions,
  platform: "neutral",
  entryPoints: Object.fromEntries(entries.map(({ name, source }) => [name, source])),
  splitting: true,
  outdir: "dist/lib",
  chunkNames: "chunks/[name]-[hash]",
};

const commandLine = [
  { entry: "src/cli/main.ts", file: "cli.js", options: hostOptions },
  { entry: "src/cli/browser.ts", file: "cli.browser.js", options: pageOptions },
  { entry: "web/bench/main.ts", file: "bench.browser.js", options: pageOptions },
];

/** Files that are served as they are. */
const copied = [
  { from: "web/bench/index.html", file: "bench.html" },
  { from: "web/bench/style.css", file: "bench.css" },
];

/** The licences of all packages that some bundle carries. */
const licences = "THIRD-PARTY-LICENSES";

/** Newest modification time under a file or folder, in milliseconds. */
function newest(path) {
  const status = statSync(path, { throwIfNoEntry: false });
  if (!status) return 0;
  if (!status.isDirectory()) return status.mtimeMs;
  let latest = status.mtimeMs;
  for (const name of readdirSync(path)) latest = Math.max(latest, newest(join(path, name)));
  return latest;
}

/** Whether a bundle is missing or older than the sources. */
export function isStale() {
  const sources = ["src", "shaders", "web", "package.json", "scripts"];
  const latest = Math.max(...sources.map((name) => newest(join(root, name))));
  return [...entries, ...commandLine, ...copied, { file: licences }].some(({ file }) => {
    const status = statSync(join(root, "dist", file), { throwIfNoEntry: false });
    return !status || status.mtimeMs < latest;
  });
}

/** Emits the declarations and refuses what does not type-check. */
async function buildTypes() {
  rmSync(join(root, "dist/types"), { recursive: true, force: true });
  const tsc = require.resolve("typescript/bin/tsc");
  const status = await new Promise((resolve) => {
    const child = spawn(process.execPath, [tsc, "-p", "tsconfig.types.json"], {
      cwd: root,
      stdio: "inherit",
    });
    child.on("exit", (code) => resolve(code ?? 1));
  });
  if (status !== 0) throw new Error("the type declarations could not be built");
}

/** Writes a file of dist/ beside its place and renames it. */
async function replace(file, contents) {
  const path = join(root, "dist", file);
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}`);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(temporary, contents);
  await rename(temporary, path);
}

/** Writes the library: what its entry points share, then these. @returns the packages that it carries */
async function buildLibrary(bundle, define) {
  const { outputFiles, metafile } = await bundle({
    ...libraryOptions,
    write: false,
    metafile: true,
    define,
  });
  const packages = bundledPackages(metafile);
  const comment = noticeComment(noticesOf(packages, root));
  const names = natives.map(({ source, file }) => {
    const [hashed] = Object.entries(metafile.outputs).find(
      ([, { entryPoint }]) => entryPoint === source,
    );
    return [basename(hashed), basename(file)];
  });
  const stable = (text) =>
    names.reduce((done, [hashed, name]) => done.replaceAll(hashed, name), text);
  const files = outputFiles.map(({ path, text }) => {
    const file = relative(join(root, "dist"), path).replaceAll("\\", "/");
    return { file: stable(file), text: stable(text) };
  });
  const shared = files.filter(({ file }) => file.startsWith(`${chunks}/`));
  for (const { file, text } of shared) await replace(file, text);
  for (const { file, text } of files)
    if (!file.startsWith(`${chunks}/`)) await replace(file, text + comment);
  const kept = new Set(shared.map(({ file }) => basename(file)));
  for (const name of readdirSync(join(root, "dist", chunks)))
    if (!kept.has(name) && !name.startsWith(".")) rmSync(join(root, "dist", chunks, name));
  return packages;
}

/**
 * Writes the bundles of the library and the command line, which modules of `bench --kernel` use together,
 * and, unless `withoutTypes`, the declarations. A bundle is written beside its place and renamed, so that a process that
 * builds at the same time never sees half a file.
 */
export async function build({ withoutTypes = false, log = console.error } = {}) {
  const { build: bundle } = await import("esbuild");
  const started = performance.now();
  await mkdir(join(root, "dist"), { recursive: true });
  const define = { LATENTGRAD_VERSION: JSON.stringify(manifest.version) };
  const carried = new Set(await buildLibrary(bundle, define));
  for (const { entry, file, options } of commandLine) {
    const result = await bundle({
      ...bundleOptions,
      ...options,
      entryPoints: [entry],
      outfile: `dist/${file}`,
      write: false,
      metafile: true,
      define,
    });
    const packages = bundledPackages(result.metafile);
    for (const folder of packages) carried.add(folder);
    const comment = noticeComment(noticesOf(packages, root));
    await replace(file, result.outputFiles[0].text + comment);
  }
  await replace(licences, `${noticesOf([...carried], root)}\n`);
  for (const { from, file } of copied) await replace(file, await readFile(join(root, from)));
  if (!withoutTypes) await buildTypes();
  log(`built dist/ in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
