/** The benchmark's page: served by the command line, used in a browser. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { BenchReport } from "../../src/bench/run.ts";
import { openChromium } from "../../src/host/chromium.ts";
import { availableRuntimes } from "../../src/host/node-launch.ts";
import { type Running, start } from "../support/command.ts";
import { skip } from "../support/skip.ts";

const test = suite("the benchmark's page");

/** Starts the server; its address is the first line on stdout. */
async function serve(port: string): Promise<{ running: Running; url: string }> {
  const running = start(["bench", "--page", "--port", port]);
  const url = await new Promise<string>((resolve, reject) => {
    running.child.stdout!.once("data", (chunk) => resolve(String(chunk).trim()));
    running.ended.then(({ stderr }) => reject(new Error(stderr)));
  });
  return { running, url };
}

/** Waits until a button may be pressed again, and returns the page's two lines. */
async function settled(page: Page): Promise<{ status: string; error: string }> {
  await page.waitForSelector("#run:enabled", { timeout: 150_000 });
  const [status, error] = await Promise.all(
    ["#status", "#error"].map((id) => page.textContent(id)),
  );
  return { status: status ?? "", error: error ?? "" };
}

test("is on 127.0.0.1 alone, ends with status 130, and says when its port is taken", async () => {
  const { running, url } = await serve("0");
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\/$/);
  const { port, origin } = new URL(url);
  const answers = await Promise.all(
    [url, `${url}main.js`, `${url}style.css`, origin, `${origin}/main.js`].map(
      async (address) => (await fetch(address)).status,
    ),
  );
  assert.equal(answers, [200, 200, 200, 404, 404]);
  const call = await fetch(`${url}call`, { method: "POST" });
  assert.is(call.status, 404, "it does nothing for a page");
  const second = await start(["bench", "--page", "--port", port]).ended;
  assert.is(second.status, 7);
  assert.is(
    second.stderr,
    `latentgrad: cannot serve on port ${port} of 127.0.0.1: another process has it\n`,
  );
  running.child.kill("SIGINT");
  const { status, stderr } = await running.ended;
  assert.is(status, 130);
  assert.match(stderr, /^latentgrad: interrupted$/m);
});

test("measures, offers the JSON, tunes, and says in one line what is wrong", async () => {
  if (!(await availableRuntimes()).includes("chrome")) return skip("chrome is not installed");
  const { running, url } = await serve("0");
  const { browser, page } = await openChromium(url);
  try {
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.reload();
    assert.is(await page.textContent("#error"), "");

    await page.fill("#filter", "(");
    await page.click("#run");
    assert.match((await settled(page)).error, /regular expression/);
    await page.fill("#filter", "kernel/nothing");
    await page.click("#run");
    assert.match((await settled(page)).error, /no measurement has such a name/);

    await page.fill("#filter", "kernel/matmul/64x64x64$");
    await page.click("#run");
    const measured = await settled(page);
    assert.is(measured.error, "");
    assert.match(measured.status, /^done in \d+\.\d s$/);
    assert.equal(await page.locator("h2").allTextContents(), [
      "Ceilings of the adapter",
      "Kernels",
    ]);
    const kernels = page.locator("section").nth(1).locator("tbody tr");
    assert.is(await kernels.count(), 1);
    const cells = await kernels.locator("td").allTextContents();
    assert.is(cells[0], "matmul/64x64x64");
    assert.ok(Number(cells[1]) > 0, cells.join(" "));

    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
    assert.is(download.suggestedFilename(), "bench.json");
    const report = JSON.parse(readFileSync(await download.path(), "utf8")) as BenchReport;
    assert.equal([report.runtime, report.kernels.length], ["chrome", 1]);
    assert.is(report.kernels[0]!.gflops.toFixed(2), cells[4]);

    await page.selectOption("#network", "dense");
    await page.fill("#batch", "1");
    await page.fill("#seconds", "1");
    await page.click("#tune");
    const tuned = await settled(page);
    assert.is(tuned.error, "");
    assert.match(
      tuned.status,
      /^\d+ of [1-9]\d* kernels have a faster variant now; kept in this browser's IndexedDB/,
    );
    const databases = await page.evaluate(() => indexedDB.databases());
    assert.equal(databases, [{ name: "latentgrad", version: 1 }]);
    assert.equal(complaints, []);

    await page.addInitScript(() => Object.defineProperty(navigator, "gpu", { value: undefined }));
    await page.reload();
    assert.match((await page.textContent("#error")) ?? "", /^this browser has no WebGPU: open .+$/);
  } finally {
    await browser.close();
    running.child.kill("SIGTERM");
    await running.ended;
  }
});

test.run();
