import { type ChildProcess, spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Browser, Page } from "playwright-core";
import { openChromium } from "../../src/host/chromium.ts";
import { exitStatus, runtimeCommand } from "../../src/host/node-launch.ts";
import { type PageServer, servePage } from "../../src/host/page-server.ts";
import { type Answers, type Ask, MARK } from "./protocol.ts";

/** A process or page that runs one side. */
export interface Runner {
  ask<A extends Ask>(question: A): Promise<Answers[A["ask"]]>;
  close(): Promise<void>;
}

export function startRunner(
  runtime: "deno" | "chrome",
  name: string,
  bundle: string,
): Promise<Runner> {
  return runtime === "deno" ? ProcessRunner.start(name, bundle) : PageRunner.start(bundle);
}

class ProcessRunner implements Runner {
  private waiting: { resolve(value: unknown): void; reject(e: Error): void } | undefined;
  private readonly tail: string[] = [];
  private ended: string | undefined;

  private constructor(
    private readonly name: string,
    private readonly child: ChildProcess,
  ) {
    for (const stream of [child.stdout, child.stderr])
      if (stream) createInterface({ input: stream }).on("line", (line) => this.line(line));
    child.on("exit", (code, signal) => {
      this.ended = `${name} ended with status ${exitStatus(code, signal)}`;
      this.waiting?.reject(new Error(`${this.ended}\n${this.tail.join("\n")}`));
    });
  }

  static async start(name: string, bundle: string): Promise<ProcessRunner> {
    const { command, args, env } = await runtimeCommand("deno", bundle, []);
    return new ProcessRunner(name, spawn(command, args, { env, stdio: "pipe" }));
  }

  private line(text: string): void {
    if (!text.startsWith(MARK)) {
      this.tail.push(text);
      if (this.tail.length > 20) this.tail.shift();
      return;
    }
    const answer = JSON.parse(text.slice(MARK.length)) as { error?: string };
    if (answer.error) this.waiting?.reject(new Error(`${this.name}: ${answer.error}`));
    else this.waiting?.resolve(answer);
    this.waiting = undefined;
  }

  ask<A extends Ask>(question: A): Promise<Answers[A["ask"]]> {
    if (this.ended) return Promise.reject(new Error(this.ended));
    return new Promise((resolve, reject) => {
      this.waiting = { resolve: (value) => resolve(value as Answers[A["ask"]]), reject };
      this.child.stdin?.write(`${JSON.stringify(question)}\n`);
    });
  }

  async close(): Promise<void> {
    this.child.kill("SIGKILL");
  }
}

class PageRunner implements Runner {
  private constructor(
    private readonly browser: Browser,
    private readonly page: Page,
    private readonly server: PageServer,
  ) {}

  static async start(bundle: string): Promise<PageRunner> {
    const server = await servePage({ script: await readFile(bundle), config: {} });
    try {
      const { browser, page } = await openChromium(server.url);
      await page.waitForFunction(() => "benchAsk" in globalThis);
      return new PageRunner(browser, page, server);
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  ask<A extends Ask>(question: A): Promise<Answers[A["ask"]]> {
    return this.page.evaluate(
      (asked) =>
        (globalThis as unknown as { benchAsk(q: Ask): Promise<Answers[A["ask"]]> }).benchAsk(asked),
      question as Ask,
    );
  }

  async close(): Promise<void> {
    await this.browser.close().catch(() => {});
    await this.server.close();
  }
}
