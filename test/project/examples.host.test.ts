/** The programs in the documents type-check, run, and print what the documents say. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { build, type Plugin } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { availableRuntimes, runtimeCommand } from "../../src/host/node-launch.ts";

interface Program {
  readonly name: string;
  /** Heading that it stands under. */
  readonly heading: string;
  readonly source: string;
  /** Undefined where the document shows no output. */
  readonly output: string | undefined;
}

interface Context {
  folder: string;
}

const run = promisify(execFile);
const test = suite<Context>("examples");
const root = process.cwd();

/** Blocks marked `ts`, each with the block marked `text` that follows it at once. */
function programsOf(path: string): Program[] {
  const text = readFileSync(join(root, path), "utf8");
  const block = /^```ts\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```\n)?/gm;
  return [...text.matchAll(block)].map((match, i) => {
    const before = text.slice(0, match.index);
    return {
      name: `${path.replace(/\W/g, "-")}-${i}`,
      heading: `${path}: ${before.match(/^#+ (.+)$(?![\s\S]*^#+ )/m)?.[1] ?? ""}`,
      source: match[1]!,
      output: match[2],
    };
  });
}

const programs = ["README.md", "docs/library.md", "docs/define-op.md"].flatMap(programsOf);

/** The package's entry points are its sources. */
const fromSources: Plugin = {
  name: "entry points",
  setup({ onResolve }) {
    onResolve({ filter: /^latentgrad(\/|$)/ }, ({ path }) => {
      const [, name = "index"] = path.match(/^latentgrad\/(.+)$/) ?? [];
      return { path: join(root, `src/entries/${name}.ts`) };
    });
  },
};

test.before(async (context) => {
  const cache = join(root, "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  context.folder = mkdtempSync(join(cache, "examples-"));
  const { folder } = context;
  for (const { name, source } of programs) writeFileSync(join(folder, `${name}.ts`), source);
  const { bundleOptions } = await import(pathToFileURL(join(root, "scripts/build.mjs")).href);
  await build({
    ...bundleOptions,
    platform: "neutral",
    plugins: [...bundleOptions.plugins, fromSources],
    entryPoints: programs.map(({ name }) => join(folder, `${name}.ts`)),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
  }).catch((error: unknown) => {
    console.error(error); // uvu says no more than that a hook failed
    throw error;
  });
});

test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));

test("type-check", async ({ folder }) => {
  const options = {
    extends: join(root, "tsconfig.json"),
    compilerOptions: {
      paths: {
        latentgrad: [join(root, "src/entries/index.ts")],
        "latentgrad/*": [join(root, "src/entries/*.ts")],
      },
      typeRoots: [join(root, "node_modules/@types"), join(root, "node_modules")],
    },
    include: [],
    files: [...programs.map(({ name }) => `${name}.ts`), join(root, "src/wgsl.d.ts")],
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(options));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const errors = await run(process.execPath, [tsc, "-p", folder, "--pretty", "false"]).then(
    () => "",
    (error: { stdout: string }) => error.stdout,
  );
  assert.is(errors, "");
});

/** Numbers within 5 %, since adapters round differently; all other words alike. */
function assertAlike(actual: string, expected: string, what: string): void {
  const words = (text: string) => text.trim().split(/[\s,]+/);
  const [a, b] = [words(actual), words(expected)];
  const same = a.every((word, i) => {
    const [x, y] = [Number(word), Number(b[i])];
    return Number.isFinite(x) && Number.isFinite(y)
      ? Math.abs(x - y) <= 0.05 * Math.abs(y) + 1e-6
      : word === b[i];
  });
  if (!same || a.length !== b.length) assert.fixture(actual, expected, what);
}

for (const { name, heading, output } of programs) {
  test(`${heading} (${name})`, async ({ folder }) => {
    const [runtime] = (await availableRuntimes()).filter((r) => r !== "chrome");
    assert.ok(runtime, "no runtime with WebGPU");
    const script = join(folder, `${name}.mjs`);
    const { command, args, env } = await runtimeCommand(runtime as "deno" | "node", script, []);
    const { stdout } = await run(command, args, { env, timeout: 60_000 });
    if (output !== undefined) assertAlike(stdout, output, heading);
  });
}

test.run();
