/** The package as others get it: packed, installed in an empty project, used as a library. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { availableRuntimes, runtimeCommand } from "../../src/host/node-launch.ts";
import { skip } from "../support/skip.ts";

interface Context {
  /** The empty project. */
  project: string;
}

const run = promisify(execFile);
const test = suite<Context>("package");
const checkout = process.cwd();

/** npm as the suite was started with, else the one on the search path. */
function npm(args: string[], cwd: string) {
  const cli = process.env.npm_execpath;
  const env: NodeJS.ProcessEnv = { ...process.env };
  // What the surrounding npm run sets must not reach the empty project.
  for (const name of Object.keys(env))
    if (/^npm_(config_|package_|lifecycle)/.test(name)) delete env[name];
  return cli?.endsWith(".js")
    ? run(process.execPath, [cli, ...args], { cwd, env })
    : run(process.platform === "win32" ? "npm.cmd" : "npm", args, { cwd, env });
}

const PROGRAM = `
import * as lg from "latentgrad";
const device = await lg.openDevice();
const sum = lg.add(lg.tensor(device, [1, 2, 3]), lg.tensor(device, [10, 20, 30]));
console.log([...(await sum.data())].join());
`;

test.before(async (context) => {
  context.project = mkdtempSync(join(tmpdir(), "latentgrad-project-"));
  const { project } = context;
  writeFileSync(
    join(project, "package.json"),
    '{ "name": "empty", "private": true, "type": "module" }',
  );
  try {
    const packed = await npm(["pack", "--silent", "--pack-destination", project], checkout);
    const tarball = packed.stdout.trim().split("\n").at(-1)!;
    await npm(["install", "--offline", "--no-audit", "--no-fund", `./${tarball}`], project);
  } catch (error) {
    // uvu says no more than that a hook failed
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    console.error(error, stdout, stderr);
    throw error;
  }
});

test.after(({ project }) => rmSync(project, { recursive: true, force: true }));

test("has no dependencies and carries what its manifest names", ({ project }) => {
  const folder = join(project, "node_modules/latentgrad");
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  assert.is(manifest.dependencies, undefined);
  assert.is(manifest.optionalDependencies, undefined);
  for (const name of Object.keys(manifest.peerDependencies)) {
    assert.is(manifest.peerDependenciesMeta[name]?.optional, true, name);
  }
  for (const file of [
    manifest.types,
    manifest.bin.latentgrad,
    manifest.exports["."].default,
    "LICENSE",
    "dist/THIRD-PARTY-LICENSES",
  ]) {
    assert.ok(readFileSync(join(folder, file)).length > 0, file);
  }
  const lock = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8"));
  assert.equal(Object.keys(lock.packages), ["", "node_modules/latentgrad"]);
});

test("type-checks, and its types say what is wrong", async ({ project }) => {
  const options = {
    compilerOptions: {
      target: "ES2022",
      module: "ESNext",
      moduleResolution: "bundler",
      lib: ["ES2023", "DOM"],
      types: [],
      strict: true,
      noEmit: true,
    },
    files: ["program.ts"],
  };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify(options));
  const tsc = () =>
    run(process.execPath, [join(checkout, "node_modules/typescript/bin/tsc"), "-p", "."], {
      cwd: project,
    }).then(
      () => "",
      (error: { stdout: string }) => error.stdout,
    );
  writeFileSync(join(project, "program.ts"), PROGRAM);
  assert.is(await tsc(), "");
  writeFileSync(join(project, "program.ts"), `${PROGRAM}\nlg.add("three", sum);\nlg.none();\n`);
  const errors = await tsc();
  assert.match(errors, /TS2345: Argument of type 'string'/);
  assert.match(errors, /TS2339.*'none'/);
});

test("bundles for a browser as one module that imports nothing", async ({ project }) => {
  writeFileSync(join(project, "program.mjs"), PROGRAM);
  const { metafile, outputFiles } = await build({
    entryPoints: [join(project, "program.mjs")],
    absWorkingDir: project,
    bundle: true,
    format: "esm",
    platform: "browser",
    logLevel: "silent",
    metafile: true,
    write: false,
    outfile: "bundle.js",
  });
  assert.is(outputFiles.length, 1);
  assert.equal(metafile.outputs["bundle.js"]?.imports, []);
});

test("says that other engines are compared in a checkout", async ({ project }) => {
  const script = join(project, "node_modules/latentgrad/bin/latentgrad.js");
  const ended = await run(process.execPath, [script, "bench", "--peers"], { cwd: project }).then(
    () => ({ code: 0, stderr: "" }),
    (error: { code: number; stderr: string }) => error,
  );
  assert.is(ended.code, 2);
  assert.match(ended.stderr, /^latentgrad: --peers wants a checkout of latentgrad[^\n]*\n$/);
});

for (const runtime of ["deno", "node"] as const) {
  test(`runs in ${runtime}`, async ({ project }) => {
    if (!(await availableRuntimes()).includes(runtime)) return skip(`${runtime} is not installed`);
    // Node's WebGPU and the software adapter are the user's to install; here, the checkout's.
    const modules = join(project, "node_modules");
    mkdirSync(join(modules, "@sparticuz"), { recursive: true });
    for (const name of ["webgpu", "@sparticuz/chromium"]) {
      rmSync(join(modules, name), { force: true });
      symlinkSync(join(checkout, "node_modules", name), join(modules, name), "junction");
    }
    writeFileSync(join(project, "program.mjs"), PROGRAM);
    const { command, args, env } = await runtimeCommand(runtime, "program.mjs", []);
    // Unlike the command line, which is bundled, this program is to find node_modules.
    const { DENO_NO_PACKAGE_JSON: _, ...environment } = env;
    const { stdout } = await run(
      command,
      args.filter((argument) => argument !== "--no-config"),
      { cwd: project, env: environment, timeout: 60_000 },
    );
    assert.is(stdout, "11,22,33\n");
  });
}

test.run();
