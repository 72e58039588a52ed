import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import { embeddedLoaderFolder } from "../gpu/adapter-vulkan.ts";
import { embeddedFits, findPackage } from "../gpu/embedded.ts";
import { NoAdapterError } from "../gpu/errors.ts";

export type RuntimeName = "deno" | "node" | "chrome";

export interface RuntimeCommand {
  readonly command: string;
  readonly args: string[];
  /** The whole environment of the child. */
  readonly env: Record<string, string | undefined>;
}

/** npm's platform packages of Deno, whose binary runs as it is (no install script needed). */
function denoPlatformPackage(): string {
  const libc = process.platform === "linux" ? "-glibc" : "";
  return `@deno/${process.platform}-${process.arch}${libc}`;
}

/** Path of the Deno binary: of the package `deno`, else of the search path. */
export async function findDeno(): Promise<string | undefined> {
  const file = process.platform === "win32" ? "deno.exe" : "deno";
  const deno = await findPackage("deno");
  if (deno) {
    try {
      const require = createRequire(join(deno, "package.json"));
      const manifest = require.resolve(`${denoPlatformPackage()}/package.json`);
      const binary = join(manifest, "..", file);
      if (existsSync(binary)) return binary;
    } catch {
      // no binary for this platform
    }
  }
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    // npm's own starter of the package would look for the same binary
    if (folder === "" || folder.includes("node_modules")) continue;
    if (existsSync(join(folder, file))) return join(folder, file);
  }
  return undefined;
}

/** Runtimes that can be started here, the preferred one first. */
export async function availableRuntimes(): Promise<RuntimeName[]> {
  const found: RuntimeName[] = [];
  if (await findDeno()) found.push("deno");
  if (await findPackage("webgpu")) found.push("node");
  const browser =
    (await findPackage("playwright-core")) && (await findPackage("@sparticuz/chromium"));
  if (browser && embeddedFits()) found.push("chrome");
  return found;
}

/**
 * The command line and environment with which Deno or Node runs a script so that it finds a
 * WebGPU adapter, on a machine without a Vulkan loader too.
 */
export async function runtimeCommand(
  runtime: "deno" | "node",
  script: string,
  args: readonly string[],
): Promise<RuntimeCommand> {
  const env: Record<string, string | undefined> = { ...process.env };
  if (process.platform === "linux") {
    env.XDG_RUNTIME_DIR ??= "/tmp"; // unset, Mesa and wgpu print warnings that mean nothing here
    const loader = await embeddedLoaderFolder();
    if (loader) {
      env.LD_LIBRARY_PATH = [loader, env.LD_LIBRARY_PATH].filter((folder) => folder).join(":");
    }
  }
  if (runtime === "node")
    return { command: process.execPath, args: [youngGeneration, script, ...args], env };
  const command = await findDeno();
  if (!command)
    throw new NoAdapterError("Deno is not installed: npm install deno, or --runtime node");
  env.DENO_NO_UPDATE_CHECK = "1";
  env.DENO_NO_PACKAGE_JSON = "1"; // everything is bundled: nothing to resolve
  const options = ["run", "--quiet", "--allow-all", "--no-prompt", "--no-config", "--no-lock"];
  return { command, args: [...options, script, ...args], env };
}

/**
 * Room for young objects, in MiB. V8 gives short-lived garbage up to 48 MiB, and takes it back after each
 * collection of everything: resident memory went up and down by that.
 */
const youngGeneration = "--max-semi-space-size=2";

/**
 * Deno reads ~/.npmrc, though there is nothing to resolve, and ends where it cannot: it is started with a
 * home that does not exist, and `restoreHome` puts the user's back.
 */
export function hideHome(env: Record<string, string | undefined>): void {
  if (process.platform === "win32" || env.HOME === undefined) return;
  const cache = process.platform === "darwin" ? join("Library", "Caches") : ".cache";
  env.DENO_DIR ??= join(env.XDG_CACHE_HOME || join(env.HOME, cache), "deno");
  env[userHome] = env.HOME;
  env.HOME = "/nonexistent";
}

/** The user's home folder while HOME is another one. */
const userHome = "LATENTGRAD_USER_HOME";

/** Undoes in a child process what `hideHome` did: call it first of all. */
export function restoreHome(): void {
  const home = process.env[userHome];
  if (home === undefined) return;
  process.env.HOME = home;
  delete process.env[userHome];
}

/** Exit status of a child as a shell reports it: 128 + signal for a killed one. */
export function exitStatus(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal ? constants.signals[signal] : 1);
}

const FORWARDED: readonly NodeJS.Signals[] =
  process.platform === "win32" ? ["SIGINT", "SIGTERM"] : ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs a child, passing signals on, and returns its exit status.
 *
 * @param stdio its streams; by default those of this process's terminal
 */
export function runChild(
  command: RuntimeCommand,
  stdio: StdioOptions = "inherit",
): Promise<{ status: number; signal?: string }> {
  const { args, env } = command;
  const child: ChildProcess = spawn(command.command, args, { env, stdio });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of FORWARDED) process.on(signal, forward);
  return new Promise((resolve, reject) => {
    const settle = (finish: () => void) => {
      for (const signal of FORWARDED) process.off(signal, forward);
      finish();
    };
    child.on("error", (error) => settle(() => reject(error)));
    child.on("exit", (code, signal) =>
      settle(() => resolve({ status: exitStatus(code, signal), ...(signal && { signal }) })),
    );
  });
}
