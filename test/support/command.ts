/** Runs the command line of the checkout as a user would. */
import { type ChildProcess, spawn } from "node:child_process";
import {
  comparesPeers,
  loadsKernel,
  needsDevice,
  requestedRuntime,
  run,
  servesPage,
} from "../../src/cli/core.ts";
import type { Host } from "../../src/host/host.ts";
import { createNodeHost } from "../../src/host/node.ts";

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way. */
export interface Running {
  readonly child: ChildProcess;
  /** What it has printed on stderr so far. */
  stderr(): string;
  readonly ended: Promise<Outcome>;
}

/** Starts `latentgrad` with these words. `inFront`: a program that is to start it. */
export function start(
  args: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly inFront?: readonly string[];
    /** In a process group of its own, so that all of it can be killed. */
    readonly detached?: boolean;
  } = {},
): Running {
  const [command, ...words] = [
    ...(options.inFront ?? []),
    process.execPath,
    "bin/latentgrad.js",
    ...args,
  ] as [string, ...string[]];
  const child = spawn(command, words, {
    env: { ...process.env, LATENTGRAD_DATA: "", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: options.detached ?? false,
  });
  let stdout = "";
  let stderr = "";
  child.stdout!.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr!.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
  return { child, stderr: () => stderr, ended };
}

/** Runs a command to its end in a process of its own. */
export function latentgradProcess(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return start(args, { env }).ended;
}

/**
 * Runs a command to its end: in this process where it would run in Node, which saves two starts of Node
 * and the compiling of its modules, else in one of its own. One at a time: the environment is the process's.
 */
export function latentgrad(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const inNode = requestedRuntime(args) === "node" || !needsDevice(args);
  const byItself = inNode && !comparesPeers(args) && !loadsKernel(args) && !servesPage(args);
  return byItself ? runHere(args, env) : latentgradProcess(args, env);
}

async function runHere(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const before = { ...process.env };
  Object.assign(process.env, { LATENTGRAD_DATA: "" }, env);
  let stdout = "";
  let stderr = "";
  try {
    const host: Host = {
      ...(await createNodeHost()),
      stdout(text) {
        stdout += text;
      },
      stderr(text) {
        stderr += text;
      },
    };
    return { status: await run(args, host), stdout, stderr };
  } finally {
    // The adapter's choice leaves variables behind, too.
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

/** Waits until stderr matches; gives up when the command ends. */
export async function untilPrinted(running: Running, pattern: RegExp): Promise<void> {
  let over = false;
  running.ended.then(() => {
    over = true;
  });
  while (!over && !pattern.test(running.stderr()))
    await new Promise((resolve) => setTimeout(resolve, 10));
}

/** The one line of a failed command; undefined where there is not exactly one. */
export function onlyLine({ stderr }: Outcome): string | undefined {
  const lines = stderr.split("\n").filter((line) => line.startsWith("latentgrad: "));
  return lines.length === 1 && !/^\s+at /m.test(stderr) ? lines[0] : undefined;
}
