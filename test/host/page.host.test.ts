import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { IoError } from "../../src/gpu/errors.ts";
import { createNodeHost } from "../../src/host/node.ts";
import { createPageHost } from "../../src/host/page.ts";
import { type PageServer, servePage } from "../../src/host/page-server.ts";
import { rejects } from "../support/rejects.ts";

interface Context {
  folder: string;
  server: PageServer;
  printed: string[];
}

const config = { argv: [], env: {}, cwd: "/", cacheDir: "/", stderrIsTerminal: false };
const test = suite<Context>("page host");

test.before(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), "latentgrad-page-"));
  context.printed = [];
  const host = {
    ...(await createNodeHost()),
    stdout: (text: string) => void context.printed.push(text),
  };
  context.server = await servePage({ script: "", config, host });
});

test.after(async ({ folder, server }) => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

test("files pass unchanged through the server, whatever their names", async (context) => {
  const page = createPageHost(config, context.server.url);
  const file = join(context.folder, "folder with spaces", "naïve ✓.bin");
  const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index * 7);
  await page.writeAtomic(file, bytes);
  assert.equal(await page.readFile(file), bytes);
  assert.equal(await page.stat(file), { kind: "file", size: 100_000 });
  assert.is(await page.stat(`${file}.none`), undefined);
  await page.append(file, "é");
  assert.is((await page.stat(file))?.size, 100_002);
  assert.equal(await page.list(join(file, "..")), ["naïve ✓.bin"]);
  await page.makeDirectory(join(context.folder, "x", "y"));
  await page.remove(join(context.folder, "x"));
  assert.is(await page.stat(join(context.folder, "x")), undefined);
});

test("failures arrive as the host's own", async (context) => {
  const page = createPageHost(config, context.server.url);
  await rejects(() => page.readFile("none/such"), IoError, /^cannot read none\/such: no such file/);
});

test("output keeps its order", async (context) => {
  const page = createPageHost(config, context.server.url);
  for (let i = 0; i < 50; i++) void page.stdout(`${i} `);
  await page.flush();
  assert.is(context.printed.join(""), Array.from({ length: 50 }, (_, i) => `${i} `).join(""));
});

/** Status of a GET with a chosen Host header. */
function status(url: URL, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const { hostname, port, pathname } = url;
    request({ hostname, port, path: pathname, headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end();
  });
}

test("nothing is served without the key, nor under another host name", async ({ server }) => {
  const url = new URL(server.url);
  assert.is(url.hostname, "127.0.0.1");
  assert.is(await status(url, url.host), 200);
  assert.is(await status(new URL("/", url), url.host), 404);
  assert.is(await status(new URL("/config.json", url), url.host), 404);
  assert.is(await status(url, "attacker.example"), 404);
});

test.run();
