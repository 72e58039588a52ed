import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HostMemoryError } from "../../src/formats/host-memory.ts";
import { DataError, IoError } from "../../src/gpu/errors.ts";
import { createNodeHost } from "../../src/host/node.ts";
import { createPageHost } from "../../src/host/page.ts";
import { CALL_HEADER } from "../../src/host/page-protocol.ts";
import { type PageServer, servePage } from "../../src/host/page-server.ts";
import { startFileServer } from "../support/file-server.ts";
import { pngFile } from "../support/png-file.ts";
import { rejects } from "../support/rejects.ts";
import { within } from "../support/within.ts";

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
  const full = async () => {
    throw new HostMemoryError("out of memory: x.jpg has 9×9 pixels");
  };
  const host = { ...(await createNodeHost()), readPicture: full };
  const server = await servePage({ script: "", config, host });
  try {
    const other = createPageHost(config, server.url);
    await rejects(() => other.readPicture("x.jpg"), HostMemoryError, /^out of memory: x\.jpg/);
  } finally {
    await server.close();
  }
});

test("pictures are decoded by the parent", async (context) => {
  const page = createPageHost(config, context.server.url);
  const file = join(context.folder, "picture.png");
  const pixel = (x: number, y: number) => [x, y, 100];
  await page.writeAtomic(
    file,
    await pngFile({ width: 3, height: 2, depth: 8, colourType: 2, pixel }),
  );
  const pixels = Uint8Array.of(0, 0, 100, 1, 0, 100, 2, 0, 100, 0, 1, 100, 1, 1, 100, 2, 1, 100);
  const { sha256, ...picture } = await page.readPicture(file);
  assert.equal(picture, { width: 3, height: 2, channels: 3, pixels, transparent: false });
  assert.match(sha256, /^[0-9a-f]{64}$/);
  const options = { size: { height: 2, width: 2 }, grey: true };
  const small = await page.readPicture(file, options);
  assert.equal([small.width, small.height, small.channels, small.pixels.length], [2, 2, 1, 4]);
  await page.writeAtomic(file, Uint8Array.of(1, 2));
  await rejects(
    () => page.readPicture(file),
    DataError,
    /picture\.png: no picture by its first bytes/,
  );
  await rejects(
    () => page.readPicture(`${file}.none`),
    IoError,
    /^cannot read .*none: no such file/,
  );
});

test("downloads are the parent's, and report as they go on", async (context) => {
  const page = createPageHost(config, context.server.url);
  const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => i * 7);
  const pin = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  const target = join(context.folder, "downloads", "naïve ✓.bin");
  const remote = await startFileServer();
  try {
    const received: number[] = [];
    const fetchIt = () =>
      page.download(`${remote.url}/x`, target, pin, (count) => received.push(count));
    await rejects(
      fetchIt,
      DataError,
      /^cannot download http.*: the server answers with status 404$/,
    );
    let go = () => {};
    remote.answer = (_, response) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 1000));
      go = () => response.end(bytes.subarray(1000));
    };
    const done = fetchIt();
    while (!received.includes(1000)) await new Promise((resolve) => setTimeout(resolve, 5));
    go();
    await done;
    assert.is(received.at(-1), bytes.length);
    assert.equal(await page.readFile(target), bytes);
  } finally {
    await remote.close();
  }
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
  assert.is(await status(url, "127.0.0.1:1"), 404);
  for (const path of ["../config.json", "..%2f..%2fetc/passwd", "%00", "call"])
    assert.is(await status(new URL(path, url), url.host), 404, path);
  const asked = (origin: string) =>
    fetch(url, { headers: { origin } }).then((response) => response.status);
  assert.is(await asked(url.origin), 200);
  assert.is(await asked("http://attacker.example"), 404);
});

test("calls that are none are refused, many at once, and the server goes on", async ({
  server,
}) => {
  const post = (header: string) =>
    fetch(`${server.url}call`, { method: "POST", headers: { [CALL_HEADER]: header } });
  const wrong = ["", "{", "null", "%", "%7B%22method%22%3A%22constructor%22%7D", "[]"];
  const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => post(wrong[i % 6]!)));
  for (const answer of answers) {
    assert.is(answer.status, 500);
    assert.type((await answer.json()).message, "string");
  }
  assert.is((await fetch(server.url)).status, 200);
});

/** A raw connection, and all that it has been told once the server has closed it. */
function raw(url: URL, ...parts: readonly string[]): { socket: Socket; closed: Promise<string> } {
  const socket = connect(Number(url.port), url.hostname);
  let told = "";
  socket.on("data", (bytes) => {
    told += bytes;
  });
  const closed = new Promise<string>((resolve) => {
    socket.on("error", () => undefined).on("close", () => resolve(told));
  });
  for (const part of parts) socket.write(part);
  return { socket, closed };
}

/** The lines of a call up to its body. */
function head(url: URL, call: object, ...more: readonly string[]): string {
  const lines = [
    `POST ${url.pathname}call HTTP/1.1`,
    `host: ${url.host}`,
    `${CALL_HEADER}: ${encodeURIComponent(JSON.stringify(call))}`,
    ...more,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

test("bodies beyond what a call can need are refused unread", async ({ folder, server }) => {
  const url = new URL(server.url);
  const path = join(folder, "large.bin");
  for (const method of ["writeAtomic", "append"]) {
    const { closed } = raw(url, head(url, { method, path }, `content-length: ${2 ** 31 + 1}`), "x");
    const told = await within(10, closed);
    assert.match(told, /^HTTP\/1\.1 413 /, method);
    assert.match(told, /cannot \w+ .*large\.bin: more than 2147483648 bytes at once/);
  }
  assert.is(existsSync(path), false);
  // Of one that does not say how long it is.
  const endless = raw(url, head(url, { method: "stat", path }, "transfer-encoding: chunked"));
  let sent = 0;
  const chunk = `2000\r\n${"x".repeat(0x2000)}\r\n`;
  const more = setInterval(() => {
    endless.socket.write(chunk);
    sent += 0x2000;
  }, 1);
  const told = await within(20, endless.closed);
  clearInterval(more);
  assert.match(told, /^(HTTP\/1\.1 413 |$)/);
  assert.ok(sent > 2 ** 16 && sent < 2 ** 24, `${sent} bytes were taken`);
  // Nor is one waited for behind a wrong key.
  const wrong = new URL("/wrong/", url);
  const stranger = raw(url, head(wrong, {}, "content-length: 1000000000"), "x");
  assert.match(await within(10, stranger.closed), /^HTTP\/1\.1 404 /);
  assert.is((await fetch(url)).status, 200);
});

test("clients that never end hold nothing up and end with the server", async ({ folder }) => {
  const own = await servePage({ script: "", config, host: await createNodeHost() });
  const url = new URL(own.url);
  const path = join(folder, "slow.bin");
  const call = head(url, { method: "writeAtomic", path }, "content-length: 1000000");
  const slow = Array.from({ length: 60 }, (_, i) =>
    raw(url, i % 3 === 0 ? "" : i % 3 === 1 ? call.slice(0, 40) : `${call}some`),
  );
  const page = createPageHost(config, own.url);
  await within(10, page.writeAtomic(`${path}.other`, Uint8Array.of(1, 2, 3)));
  assert.is((await within(10, page.stat(`${path}.other`)))?.size, 3);
  await within(5, own.close());
  await within(5, Promise.all(slow.map(({ closed }) => closed)));
  assert.is(existsSync(path), false, "half a body is no file");
});

test.run();
