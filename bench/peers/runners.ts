import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { openChromium } from "../../src/host/chromium.ts";
import { runtimeCommand } from "../../src/host/node-launch.ts";
import { type PageServer, servePage } from "../../src/host/page-server.ts";
import { PatientRunner } from "./patience.ts";
import { ProcessRunner } from "./process-runner.ts";
import type { Answers, Ask, Runner } from "./protocol.ts";
import { emptyShaderCache } from "./shader-cache.ts";
import { TorchRunner } from "./torch-runner.ts";

export interface Script {
  /** The engine's, for messages. */
  readonly name: string;
  readonly file: string;
  /** The interpreter of one in Python, which is a process beside every runtime. */
  readonly python?: string | undefined;
}

export async function startRunner(runtime: "deno" | "chrome", script: Script): Promise<Runner> {
  return new PatientRunner(script.name, await start(runtime, script));
}

async function start(runtime: "deno" | "chrome", { name, file, python }: Script): Promise<Runner> {
  if (python !== undefined) {
    const command = { command: python, args: [file], env: process.env };
    return new TorchRunner(new ProcessRunner(name, command));
  }
  if (runtime === "chrome") return PageRunner.start(file);
  return new ProcessRunner(name, await runtimeCommand("deno", file, []));
}

class PageRunner implements Runner {
  private constructor(
    private readonly browser: Browser,
    private readonly page: Page,
    private readonly server: PageServer,
    private readonly cache: string,
  ) {}

  static async start(bundle: string): Promise<PageRunner> {
    const server = await servePage({ script: await readFile(bundle), config: {} });
    // The browser's own caches are in its profile, which is new each time; drivers have theirs.
    const cache = await mkdtemp(join(tmpdir(), "latentgrad-shaders-"));
    let browser: Browser | undefined;
    try {
      const opened = await openChromium(server.url, emptyShaderCache(cache));
      browser = opened.browser;
      await opened.page.waitForFunction(() => "benchAsk" in globalThis);
      return new PageRunner(browser, opened.page, server, cache);
    } catch (error) {
      await browser?.close().catch(() => {});
      await server.close();
      await rm(cache, { recursive: true, force: true });
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
    await rm(this.cache, { recursive: true, force: true });
  }
}
