/**
 * The part of the test harness that runs in the parent: starts a runtime with a bundle of test
 * files and collects what it reports. A runtime that crashes or hangs is started again for the
 * files that are left.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { openChromium } from "../../src/host/chromium.ts";
import { runtimeCommand } from "../../src/host/node-launch.ts";
import { servePage } from "../../src/host/page-server.ts";
import { MARK, type TestEvent } from "./harness-entry.ts";
import { type FileResult, usageColumns } from "./usage-table.ts";

export { usageTable } from "./usage-table.ts";

export interface RunRequest {
  /** `host` is Node with the files that run there only. */
  readonly runtime: "deno" | "node" | "chrome" | "host";
  readonly bundle: string;
  readonly files: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** For all the files together. */
  readonly timeoutSeconds: number;
  readonly verbose: boolean;
  readonly print: (line: string) => void;
}

export interface Totals {
  passed: number;
  failed: number;
  skipped: number;
  readonly files: FileResult[];
}

/** How an attempt ended: undefined when all files ran. */
type Ending = string | undefined;

class Attempt {
  readonly left: Set<string>;
  current: string | undefined;
  ended = false;
  /** The last lines that were no event, for the report of a crash. */
  readonly tail: string[] = [];
  ran = 0;
  /** What the runtime answered when it was given no files. */
  adapter: string | undefined;
  /** Reads the processor time of a runtime that cannot tell it itself. */
  cpuSeconds: (() => Promise<number>) | undefined;
  private lastCpuSeconds = 0;
  /** Resolves when all events so far are dealt with. */
  handled: Promise<void> = Promise.resolve();

  constructor(
    private readonly request: RunRequest,
    private readonly totals: Totals,
    files: readonly string[],
  ) {
    this.left = new Set(files);
  }

  line(text: string): void {
    // uvu leaves its dots in front of a line
    const start = text.indexOf(MARK);
    if (start < 0) {
      if (text.trim() !== "") this.tail.push(text);
      if (this.tail.length > 30) this.tail.shift();
      if (this.request.verbose) this.request.print(text);
      return;
    }
    const event = JSON.parse(text.slice(start + MARK.length)) as TestEvent;
    const cpuSeconds = event.kind === "result" ? this.sinceLast() : Promise.resolve(undefined);
    this.handled = this.handled.then(async () => this.event(event, await cpuSeconds));
  }

  /** Processor time since the last call; undefined where nothing tells it. */
  private async sinceLast(): Promise<number | undefined> {
    try {
      const now = await this.cpuSeconds?.();
      if (now === undefined) return undefined;
      const passed = now - this.lastCpuSeconds;
      this.lastCpuSeconds = now;
      return passed;
    } catch {
      return undefined; // the browser is gone, which is reported elsewhere
    }
  }

  tailText(): string {
    return this.tail.map((line) => `    ${line}`).join("\n");
  }

  private event(event: TestEvent, cpuSeconds: number | undefined): void {
    const { print, runtime } = this.request;
    if (event.kind === "file") {
      this.current = event.file;
      this.tail.length = 0;
    } else if (event.kind === "skip") {
      print(`  ${runtime}: ${this.current}: left out: ${event.reason}`);
    } else if (event.kind === "adapter") {
      this.adapter = event.name;
    } else if (event.kind === "end") {
      this.ended = true;
    } else {
      this.left.delete(event.file);
      this.current = undefined;
      this.ran += event.passed + event.failed;
      this.totals.passed += event.passed;
      this.totals.failed += event.failed;
      this.totals.skipped += event.skipped;
      const result: FileResult = {
        ...event.usage,
        cpuSeconds: event.usage.cpuSeconds ?? cpuSeconds,
        runtime,
        file: event.file,
        cases: event.passed + event.failed,
        seconds: event.milliseconds / 1000,
      };
      this.totals.files.push(result);
      const counts = [`${event.passed} passed`];
      if (event.failed > 0) counts.push(`${event.failed} FAILED`);
      if (event.skipped > 0) counts.push(`${event.skipped} skipped`);
      print(`  ${usageColumns(result)}  ${event.file}: ${counts.join(", ")}`);
      for (const message of event.messages) {
        print(`\nFAIL ${runtime} ${event.file}\n${message.replace(/^/gm, "    ")}\n`);
      }
      if (event.failed > 0 && this.tail.length > 0 && !this.request.verbose) {
        print(`output of ${event.file}, last lines:\n${this.tailText()}\n`);
      }
    }
  }
}

/** Rejects with the reason when a page or child says nothing for too long. */
function deadline(seconds: number): { expired: Promise<string>; clear(): void } {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<string>((resolve) => {
    timer = setTimeout(
      () => resolve(`did not end within ${Math.round(seconds)} s`),
      seconds * 1000,
    );
  });
  return { expired, clear: () => clearTimeout(timer) };
}

function lines(child: ChildProcess, take: (line: string) => void): Promise<unknown> {
  const streams = [child.stdout!, child.stderr!];
  return Promise.all(
    streams.map(async (input) => {
      for await (const line of createInterface({ input })) take(line);
    }),
  );
}

async function attemptInChild(
  request: RunRequest,
  attempt: Attempt,
  seconds: number,
): Promise<Ending> {
  const runtime = request.runtime === "deno" ? "deno" : "node";
  const { command, args, env } = await runtimeCommand(runtime, request.bundle, [
    JSON.stringify([...attempt.left]),
  ]);
  const child = spawn(command, args, {
    env: { NODE_OPTIONS: "--enable-source-maps", ...env, ...request.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exit = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("exit", (code, signal) => resolve(`ended by ${signal ?? `exit status ${code}`}`));
  });
  const read = lines(child, (line) => attempt.line(line));
  const limit = deadline(seconds);
  const ending = await Promise.race([exit, limit.expired]);
  limit.clear();
  child.kill("SIGKILL");
  // A grandchild may hold the pipes open.
  await Promise.race([read, new Promise((resolve) => setTimeout(resolve, 1000).unref())]);
  await attempt.handled;
  return attempt.ended && ending === "ended by exit status 0" ? undefined : ending;
}

async function attemptInChrome(
  request: RunRequest,
  attempt: Attempt,
  seconds: number,
): Promise<Ending> {
  const server = await servePage({ script: await readFile(request.bundle), config: {} });
  const limit = deadline(seconds);
  let close = async () => {};
  try {
    const { browser, page } = await openChromium(server.url);
    close = () => browser.close().catch(() => {});
    const session = await browser.newBrowserCDPSession();
    attempt.cpuSeconds = async () => {
      const { processInfo } = await session.send("SystemInfo.getProcessInfo");
      return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
    };
    page.on("console", (message) => attempt.line(message.text()));
    const crash = new Promise<string>((resolve) => {
      page.on("crash", () => resolve("the page crashed"));
      browser.on("disconnected", () => resolve("the browser ended"));
    });
    const run = page
      .evaluate(
        (config) =>
          (
            globalThis as unknown as { latentgradTests(config: object): Promise<void> }
          ).latentgradTests(config),
        { files: [...attempt.left], env: request.env },
      )
      .then(
        () => undefined,
        (error: Error) => error.message,
      );
    const ending = await Promise.race([run, crash, limit.expired]);
    await attempt.handled;
    return attempt.ended ? undefined : (ending ?? "the page did not run all files");
  } catch (error) {
    return (error as Error).message;
  } finally {
    limit.clear();
    await close();
    await server.close();
  }
}

const attemptOn = (runtime: RunRequest["runtime"]) =>
  runtime === "chrome" ? attemptInChrome : attemptInChild;

/** The adapter that tests get on a runtime, by a name that equal ones share; undefined where none. */
export async function adapterOn(request: RunRequest): Promise<string | undefined> {
  const attempt = new Attempt(request, { passed: 0, failed: 0, skipped: 0, files: [] }, []);
  await attemptOn(request.runtime)(request, attempt, request.timeoutSeconds);
  return attempt.adapter;
}

/** Runs the files on one runtime. */
export async function runOn(request: RunRequest): Promise<Totals> {
  const { runtime, print } = request;
  const started = performance.now();
  const totals: Totals = { passed: 0, failed: 0, skipped: 0, files: [] };
  let files = [...request.files];
  let ran = 0;
  while (files.length > 0) {
    const seconds = request.timeoutSeconds - (performance.now() - started) / 1000;
    if (seconds <= 0) {
      totals.failed += files.length;
      print(`\nFAIL ${runtime}: no time left for ${files.join(", ")}\n`);
      break;
    }
    const attempt = new Attempt(request, totals, files);
    const ending = await attemptOn(runtime)(request, attempt, seconds);
    ran += attempt.ran;
    if (ending === undefined && attempt.left.size === 0) break;
    totals.failed++;
    const where = attempt.current ?? "between two files";
    print(`\nFAIL ${runtime} ${where}\n    ${ending ?? "not all files were run"}`);
    print(`${attempt.tailText()}\n`);
    if (attempt.current) attempt.left.delete(attempt.current);
    if (attempt.left.size === files.length) break; // it did not even start
    files = [...attempt.left];
  }
  if (ran === 0 && totals.failed === 0) {
    totals.failed++;
    print(`\nFAIL ${runtime}: no test ran\n`);
  }
  const seconds = (performance.now() - started) / 1000;
  const cpuSeconds = totals.files.reduce((sum, file) => sum + (file.cpuSeconds ?? 0), 0);
  print(
    `${runtime}: ${totals.passed} passed, ${totals.failed} failed in ${seconds.toFixed(0)} s, ` +
      `${cpuSeconds.toFixed(0)} s CPU`,
  );
  return totals;
}
