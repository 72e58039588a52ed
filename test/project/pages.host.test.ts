/** Pages that are made with the installed package: each bundler's, in Chromium. */
import { readFileSync, rmSync } from "node:fs";
import type { Page } from "playwright-core";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { encodePng } from "../../src/formats/png.ts";
import { readSafetensors } from "../../src/formats/safetensors.ts";
import { openChromium } from "../../src/host/chromium.ts";
import { availableRuntimes } from "../../src/host/node-launch.ts";
import { installPackage } from "../support/installed-package.ts";
import { pageBundlers } from "../support/page-bundlers.ts";
import { skip } from "../support/skip.ts";

interface Context {
  project: string;
}

const test = suite<Context>("pages");

test.before(async (context) => {
  context.project = await installPackage({ built: true });
});

test.after(({ project }) => rmSync(project, { recursive: true, force: true }));

/** An example of the documents, to the letter. */
function example(file: string): string {
  const source = readFileSync(`docs/examples/${file}`, "utf8");
  assert.ok(readFileSync("docs/library.md", "utf8").includes(source), `${file} is quoted`);
  return source;
}

const pageOf = (body: string, module: string) =>
  `<!doctype html><link rel="icon" href="data:,">${body}<script type="module" src="./${module}"></script>`;

/** Pictures of bars of several widths, as files that a page is given. */
function pictureFiles() {
  return Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const pixels = Uint8Array.from({ length: 32 * 32 }, (_, at) =>
        at % 32 < 4 + (i % 20) ? 240 : 10,
      );
      const png = await encodePng({ width: 32, height: 32, channels: 1, pixels });
      return { name: `${i}.png`, mimeType: "image/png", buffer: Buffer.from(png) };
    }),
  );
}

/** Waits for a page's title, which says how far it is; fails with what went wrong in the page. */
async function titled(page: Page, title: string, errors: readonly string[]): Promise<void> {
  const done = page.waitForFunction((title) => document.title === title, title, {
    timeout: 120_000,
  });
  await done.catch((error: Error) => assert.unreachable(`${errors.join("; ")} ${error.message}`));
}

for (const [bundler, bundle] of Object.entries(pageBundlers))
  test(`the page of docs/library.md trains on pictures of its own, saves and loads: ${bundler}`, async ({
    project,
  }) => {
    if (!(await availableRuntimes()).includes("chrome")) return skip("Chromium is not installed");
    const body = '<input type="file" multiple><canvas></canvas><a>save</a>';
    const files = { "page.ts": example("page.ts"), "index.html": pageOf(body, "page.ts") };
    const server = await bundle(project, "page", files);
    const { browser, page } = await openChromium(server.url);
    try {
      const errors: string[] = [];
      page.on("pageerror", (error) => errors.push(error.message));
      await page.locator("input").setInputFiles(await pictureFiles());
      await titled(page, "trained", errors);
      const saved = await page.evaluate(async () => {
        const { href } = document.querySelector("a") as HTMLAnchorElement;
        const reader = new FileReader();
        reader.readAsDataURL(await (await fetch(href)).blob());
        await new Promise((resolve) => {
          reader.onload = resolve;
        });
        return String(reader.result).replace(/^.*,/, ""); // a list of numbers would take half a minute
      });
      const { metadata, tensors } = await readSafetensors(
        new Uint8Array(Buffer.from(saved, "base64")),
        "saved",
      );
      assert.equal([metadata.model, metadata.data, metadata.epoch], ["vae", "pictures", "10"]);
      assert.ok(tensors.has("head.weight"));
      const inked = await page.evaluate(() => {
        const canvas = document.querySelector("canvas") as HTMLCanvasElement;
        const context = canvas.getContext("2d") as CanvasRenderingContext2D;
        return new Set(context.getImageData(0, 0, canvas.width, canvas.height).data).size;
      });
      assert.ok(inked > 10, `${inked} values in the samples`);
    } finally {
      await browser.close();
      await server.close();
    }
  });

test.run();
