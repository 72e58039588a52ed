/** The benchmark's page, used in a browser. */
import { readFileSync } from "node:fs";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { BenchReport } from "../../src/bench/run.ts";
import { openChromium } from "../../src/host/chromium.ts";
import { availableRuntimes } from "../../src/host/node-launch.ts";
import { serveBenchPage } from "../support/bench-page.ts";
import { skip } from "../support/skip.ts";

const test = suite("the benchmark's page in a browser");

/** Waits until a button may be pressed again, and returns the page's two lines. */
async function settled(page: Page): Promise<{ status: string; error: string }> {
  await page.waitForSelector("#run:enabled", { timeout: 150_000 });
  const [status, error] = await Promise.all(
    ["#status", "#error"].map((id) => page.textContent(id)),
  );
  return { status: status ?? "", error: error ?? "" };
}

test("measures, offers the JSON, tunes, and says in one line what is wrong", async () => {
  if (!(await availableRuntimes()).includes("chrome")) return skip("chrome is not installed");
  const { running, url } = await serveBenchPage("0");
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
    await page.click("#tune");
    const further = await settled(page);
    assert.is(further.error, "");
    assert.match(
      further.status,
      /; kept in this browser's IndexedDB \([1-9]\d* were measured before/,
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
