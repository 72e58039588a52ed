/** The package can be published, on npm and on JSR: what both say without publishing anything. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { findDeno } from "../../src/host/node-launch.ts";

interface Context {
  folder: string;
}

const test = suite<Context>("publishing");
const run = promisify(execFile);
/** Nobody's as yet. */
const SCOPE = "@latentgrad";

/** npm in this checkout, with nothing of the npm that runs the suite. */
function npm(...args: string[]) {
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(config_|package_|lifecycle)/.test(name)),
  );
  return run(process.platform === "win32" ? "npm.cmd" : "npm", args, { env, maxBuffer: 2 ** 26 });
}

test.before((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "latentgrad-publish-"));
});

test.after(({ folder }) => rmSync(folder, { recursive: true, force: true }));

test("npm publish --dry-run", async () => {
  // It builds first, as it would for real.
  const { stdout } = await npm("publish", "--dry-run", "--json");
  const report = JSON.parse(stdout.slice(stdout.indexOf("{")));
  const { name, files } = report.latentgrad ?? report;
  assert.is(name, "latentgrad");
  const paths = files.map(({ path }: { path: string }) => path);
  for (const path of ["package.json", "LICENSE", "README.md", "bin/latentgrad.js"])
    assert.ok(paths.includes(path), path);
  const outside = paths.filter((path: string) => /^(src|test|scripts|node_modules)\//.test(path));
  assert.equal(outside, []);
});

test("deno publish --dry-run of the built package", async ({ folder }) => {
  await npm("pack", "--silent", "--ignore-scripts", "--pack-destination", folder);
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  await run("tar", ["-xzf", `latentgrad-${version}.tgz`], { cwd: folder });
  const unpacked = join(folder, "package");
  await run(process.execPath, [resolve("scripts/jsr.mjs"), unpacked, `${SCOPE}/latentgrad`]);
  const deno = (await findDeno()) as string;
  const publish = ["publish", "--dry-run", "--allow-dirty"];
  const { stderr, stdout } = await run(deno, publish, {
    cwd: unpacked,
    env: { ...process.env, NO_COLOR: "1" },
    maxBuffer: 2 ** 26,
  });
  const output = `${stdout}${stderr}`;
  assert.match(output, /Dry run complete/);
  // Node's package is imported by a name that bundlers must not see; all else is an error.
  const warnings = [...output.matchAll(/^(?:warning|error)\[([\w-]+)\]/gm)].map(([, code]) => code);
  assert.equal([...new Set(warnings)], ["unanalyzable-dynamic-import"]);
  assert.not.match(output, /cli\.js|bench\.html/);
});

test.run();
