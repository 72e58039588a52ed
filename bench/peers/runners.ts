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

export async function startRunner(
  runtime: "deno" | "chrome",
  name: string,
  bundle: string,
): Promise<Runner> {
  const runner =
    runtime === "deno"
      ? new ProcessRunner(name, await runtimeCommand("deno", bundle, []))
      : await PageRunner.start(bundle);
  return new PatientRunner(name, runner);
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
