/** Starting a command on each runtime: arguments, files, exit status, interruption. */
import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { availableRuntimes } from "../../src/host/node-launch.ts";
import { skip } from "../support/skip.ts";

interface Context {
  /** Holds the bundles; inside the checkout, where the runtimes' packages are found. */
  bundles: string;
  folder: string;
}

interface Outcome {
  status: number | null;
  out: string;
  err: string;
  /** From the interruption to the end. */
  milliseconds: number;
}

const test = suite<Context>("launching");
const runtimes = ["deno", "node", "chrome"] as const;

const otherCore: Plugin = {
  name: "other-core",
  setup(plugin) {
    const path = join(process.cwd(), "test/support/launch-core.ts");
    plugin.onResolve({ filter: /^\.\/core\.ts$/ }, () => ({ path }));
  },
};

test.before(async (context) => {
  const cache = join(process.cwd(), "node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  context.bundles = mkdtempSync(join(cache, "launch-"));
  context.folder = realpathSync(mkdtempSync(join(tmpdir(), "latentgrad-launch-")));
  const script = pathToFileURL(join(process.cwd(), "scripts/build.mjs")).href;
  const { hostOptions, pageOptions } = await import(script);
  for (const [entry, file, options] of [
    ["src/cli/main.ts", "cli.js", hostOptions],
    ["src/cli/browser.ts", "cli.browser.js", pageOptions],
  ]) {
    const outfile = join(context.bundles, file);
    const plugins = [...options.plugins, otherCore];
    await build({ ...options, entryPoints: [entry], plugins, outfile });
  }
});

test.after(({ bundles, folder }) => {
  rmSync(bundles, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

function launch({ bundles, folder }: Context, args: string[], interrupt = false): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(bundles, "cli.js"), ...args], { cwd: folder });
    let out = "";
    let err = "";
    let interrupted = 0;
    child.stdout.on("data", (data) => {
      out += data;
      if (interrupt && interrupted === 0) {
        interrupted = performance.now();
        child.kill("SIGINT");
      }
    });
    child.stderr.on("data", (data) => {
      err += data;
    });
    child.on("error", reject);
    child.on("close", (status) =>
      resolve({ status, out, err, milliseconds: performance.now() - interrupted }),
    );
  });
}

for (const runtime of runtimes) {
  test(`${runtime}: adapter, files, exit status, interruption`, async (context) => {
    if (!(await availableRuntimes()).includes(runtime)) return skip(`${runtime} is not installed`);
    const flag = `--runtime=${runtime}`;

    const adapter = await launch(context, ["adapter", flag]);
    assert.is(adapter.status, 0, adapter.err);
    const facts = JSON.parse(adapter.out);
    assert.is(facts.runtime, runtime);
    assert.is(facts.host, runtime);
    assert.is(facts.cwd, context.folder);
    assert.is(adapter.err, "", "nothing is printed by drivers");

    const written = await launch(context, ["write", `sub/${runtime}.txt`, flag]);
    assert.is(written.status, 0, written.err);
    assert.is(written.err, "progress\n");
    const text = readFileSync(join(context.folder, "sub", `${runtime}.txt`), "utf8");
    assert.is(text, "bytes ✓");

    assert.is((await launch(context, ["status", "6", flag])).status, 6);

    const waiting = await launch(context, ["wait", flag], true);
    assert.is(waiting.status, 130, waiting.err);
    assert.ok(waiting.milliseconds < 3000, `${waiting.milliseconds} ms from Ctrl-C to the end`);
  });
}

test("a runtime that dies is reported in one line", async (context) => {
  const { status, err } = await launch(context, ["die", "--runtime", "node"]);
  assert.is(status, 1);
  assert.match(err, /^latentgrad: node was ended by SIGABRT/m);
});

test("what needs no device starts no other runtime", async (context) => {
  assert.is((await launch(context, ["here", "--runtime", "deno"])).out, "node");
});

test("without a runtime's packages, one line says what to install", async (context) => {
  const script = join(context.folder, "cli.js");
  for (const file of ["cli.js", "cli.browser.js"]) {
    copyFileSync(join(context.bundles, file), join(context.folder, file));
  }
  const run = (args: string[]) =>
    new Promise<{ status: number | null; err: string }>((resolve) => {
      const child = spawn(process.execPath, [script, ...args], {
        cwd: context.folder,
        env: { HOME: context.folder },
      });
      let err = "";
      child.stderr.on("data", (data) => {
        err += data;
      });
      child.on("close", (status) => resolve({ status, err }));
    });
  for (const args of [["x"], ["x", "--runtime=deno"], ["x", "--runtime=chrome"]]) {
    const { status, err } = await run(args);
    assert.is(status, 4, err);
    assert.match(err, /^latentgrad: .*npm install .*\n$/);
  }
});

test.run();
