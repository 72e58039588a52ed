/** The package as other projects have it: packed, and installed in an empty one. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { runtimeCommand } from "../../src/host/node-launch.ts";

const run = promisify(execFile);
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

/**
 * Packs the package and installs it in an empty project.
 *
 * @param how.built the bundles are those that the runner of the tests has made: nothing is built, and the
 *   declarations may be missing
 * @returns the project's folder, which the caller removes
 */
export async function installPackage({ built = false } = {}): Promise<string> {
  const project = mkdtempSync(join(tmpdir(), "latentgrad-project-"));
  writeFileSync(
    join(project, "package.json"),
    '{ "name": "empty", "private": true, "type": "module" }',
  );
  try {
    const pack = ["pack", "--silent", "--pack-destination", project];
    const packed = await npm([...pack, ...(built ? ["--ignore-scripts"] : [])], checkout);
    const tarball = packed.stdout.trim().split("\n").at(-1)!;
    await npm(["install", "--offline", "--no-audit", "--no-fund", `./${tarball}`], project);
    return project;
  } catch (error) {
    // uvu says no more than that a hook failed
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    console.error(error, stdout, stderr);
    rmSync(project, { recursive: true, force: true });
    throw error;
  }
}

/** Runs a module of a project in Deno or Node. Node's WebGPU and the software adapter are this checkout's. */
export async function runInstalled(
  project: string,
  runtime: "deno" | "node",
  script: string,
  timeout = 60_000,
): Promise<string> {
  const modules = join(project, "node_modules");
  mkdirSync(join(modules, "@sparticuz"), { recursive: true });
  for (const name of ["webgpu", "@sparticuz/chromium"]) {
    rmSync(join(modules, name), { force: true });
    symlinkSync(join(checkout, "node_modules", name), join(modules, name), "junction");
  }
  const { command, args, env } = await runtimeCommand(runtime, script, []);
  // Unlike the command line, which is bundled, this program is to find node_modules.
  const { DENO_NO_PACKAGE_JSON: _, ...environment } = env;
  const { stdout } = await run(
    command,
    args.filter((argument) => argument !== "--no-config"),
    { cwd: project, env: environment, timeout },
  );
  return stdout;
}
