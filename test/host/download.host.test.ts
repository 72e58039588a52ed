import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DataError, IoError } from "../../src/gpu/errors.ts";
import { type DownloadOptions, download } from "../../src/host/download.ts";
import { createNodeHost } from "../../src/host/node.ts";
import { breakAfter, type FileServer, serve, startFileServer } from "../support/file-server.ts";
import { rejects } from "../support/rejects.ts";
import { skip } from "../support/skip.ts";
import { within } from "../support/within.ts";

interface Context {
  folder: string;
  target: string;
  part: string;
  server: FileServer;
}

const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> 13);
const pin = { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
const quick = { pausesMs: [5, 5], stallMs: 300 };
const test = suite<Context>("download");

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), "latentgrad-download-"));
  context.target = join(context.folder, "sets", "file.gz");
  context.part = `${context.target}.part`;
  context.server = await startFileServer();
});

test.after.each(async ({ folder, server }) => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const fetchFile = ({ server, target }: Context, options: DownloadOptions = quick) =>
  download(`${server.url}/file.gz`, target, pin, options);

/** Puts the beginning of a download there. */
function putPart({ folder, part }: Context, content: Uint8Array): void {
  mkdirSync(join(folder, "sets"), { recursive: true });
  writeFileSync(part, content);
}

/** Asserts that the whole file is there, and nothing else. */
function assertComplete({ folder, target }: Context): void {
  assert.ok(readFileSync(target).equals(bytes));
  assert.equal(readdirSync(join(folder, "sets")), ["file.gz"]);
}

test("fetches a file into a new folder and reports how far it is", async (context) => {
  context.server.answer = serve(bytes);
  const received: number[] = [];
  await fetchFile(context, { onProgress: (count) => received.push(count) });
  assertComplete(context);
  assert.is(received[0], 0);
  assert.is(received.at(-1), bytes.length);
  assert.equal(
    received,
    [...received].sort((a, b) => a - b),
  );
});

test("goes on where an earlier download broke off", async (context) => {
  putPart(context, bytes.subarray(0, 123_456));
  context.server.answer = serve(bytes);
  await fetchFile(context);
  assertComplete(context);
  assert.equal(context.server.asked, ["/file.gz bytes=123456-"]);
});

test("checks an MD5 where the publisher gives only that", async (context) => {
  const { server, target } = context;
  const md5 = createHash("md5").update(bytes).digest("hex");
  putPart(context, bytes.subarray(0, 1000));
  server.answer = serve(bytes);
  await download(`${server.url}/file.gz`, target, { bytes: bytes.length, md5 }, quick);
  assertComplete(context);
  rmSync(target);
  const other = {
    bytes: bytes.length,
    md5: md5.replace(/^./, (digit) => (digit === "0" ? "1" : "0")),
  };
  const fetchOther = () => download(`${server.url}/file.gz`, target, other, quick);
  await rejects(fetchOther, DataError, /its MD5 is not [0-9a-f]{32}; what had arrived was removed/);
  assert.equal(readdirSync(join(context.folder, "sets")), []);
});

/** Bytes of the file that are there, whole or in part. */
function kept({ part, target }: Context): number {
  const file = existsSync(part) ? part : target;
  return existsSync(file) ? statSync(file).size : 0;
}

test("tries three times, each going on where the one before broke off", async (context) => {
  context.server.answer = breakAfter(bytes, 100_000, () => kept(context));
  await fetchFile(context);
  assertComplete(context);
  assert.equal(context.server.asked, [
    "/file.gz whole",
    "/file.gz bytes=100000-",
    "/file.gz bytes=200000-",
  ]);
});

test("gives up after the third time and keeps what has arrived", async (context) => {
  context.server.answer = breakAfter(bytes, 10_000, () => kept(context));
  const line = /file\.gz: the connection broke .*\(3 tries; 30000 of 300000 bytes are kept/;
  await rejects(() => fetchFile(context), DataError, line);
  assert.is(context.server.asked.length, 3);
  assert.ok(readFileSync(context.part).equals(bytes.subarray(0, 30_000)));
  assert.not(existsSync(context.target));
});

test("a body that ends early without a length is a broken connection", async (context) => {
  context.server.answer = (_, response) => response.writeHead(200).end(bytes.subarray(0, 7));
  const ended = /the connection ended after 7 of 300000 bytes \(3 tries/;
  await rejects(() => fetchFile(context), DataError, ended);
});

test("a connection on which nothing arrives is broken", async (context) => {
  const { server } = context;
  server.answer = (request, response) => {
    if (server.asked.length === 2) breakAfter(bytes, 1000)(request, response);
    else if (server.asked.length === 3) serve(bytes)(request, response);
  };
  await fetchFile(context);
  assertComplete(context);
  server.answer = () => undefined;
  rmSync(context.target);
  const stalled = /nothing arrived for 0\.05 s \(3 tries; 0 of 300000 bytes/;
  await rejects(() => fetchFile(context, { ...quick, stallMs: 50 }), DataError, stalled);
  assert.equal(readdirSync(join(context.folder, "sets")), [], "an empty part is not kept");
});

test("a body that stops midway is broken too", async (context) => {
  const { server } = context;
  server.answer = (request, response) => {
    if (server.asked.length > 1) return serve(bytes)(request, response);
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, 5000));
  };
  await fetchFile(context);
  assertComplete(context);
  assert.equal(server.asked, ["/file.gz whole", "/file.gz bytes=5000-"]);
});

test("a server that ignores ranges starts over", async (context) => {
  putPart(context, bytes.subarray(0, 1000));
  context.server.answer = (_, response) => response.writeHead(200).end(bytes);
  await fetchFile(context);
  assertComplete(context);
  assert.equal(context.server.asked, ["/file.gz bytes=1000-"]);
});

test("a range that is refused, or another than was asked for, starts over", async (context) => {
  for (const refuse of [
    { status: 416, headers: {} },
    { status: 206, headers: { "content-range": "bytes 5-299999/300000" } },
    { status: 206, headers: {} },
  ]) {
    putPart(context, bytes.subarray(0, 1000));
    const { server } = context;
    server.asked.length = 0;
    server.answer = (request, response) => {
      if (request.headers.range === undefined) serve(bytes)(request, response);
      else response.writeHead(refuse.status, refuse.headers).end("x");
    };
    await fetchFile(context);
    assertComplete(context);
    assert.equal(server.asked, ["/file.gz bytes=1000-", "/file.gz whole"]);
    rmSync(context.target);
  }
});

test("a part that is whole needs no network; one that is wrong or too long is dropped", async (context) => {
  putPart(context, bytes);
  await fetchFile(context);
  assertComplete(context);
  assert.equal(context.server.asked, []);
  context.server.answer = serve(bytes);
  for (const content of [new Uint8Array(bytes.length), new Uint8Array(bytes.length + 1)]) {
    rmSync(context.target);
    putPart(context, content);
    await fetchFile(context);
    assertComplete(context);
  }
  assert.equal(context.server.asked, ["/file.gz whole", "/file.gz whole"]);
});

test("wrong bytes are refused by their checksum and removed", async (context) => {
  const wrong = bytes.slice();
  wrong[200_000]! ^= 1;
  context.server.answer = serve(wrong);
  await rejects(() => fetchFile(context), DataError, /file\.gz: its SHA-256 is not [0-9a-f]{64};/);
  assert.equal(readdirSync(join(context.folder, "sets")), []);
  // So is a wrong beginning with the right rest.
  putPart(context, new Uint8Array(1000));
  context.server.answer = serve(bytes);
  await rejects(() => fetchFile(context), DataError, /its SHA-256 is not/);
  await fetchFile(context);
  assertComplete(context);
});

test("a file of another size is refused before it is fetched", async (context) => {
  for (const size of [bytes.length - 1, bytes.length + 1]) {
    context.server.answer = serve(new Uint8Array(size));
    const pattern = new RegExp(`the server's file has ${size} bytes, expected 300000$`);
    await rejects(() => fetchFile(context), DataError, pattern);
  }
  putPart(context, bytes.subarray(0, 1000));
  context.server.answer = serve(new Uint8Array(999_999));
  await rejects(() => fetchFile(context), DataError, /has 999999 bytes/);
  assert.is(readFileSync(context.part).length, 1000, "another's mistake costs nothing");
});

test("a body without end is cut off at once", async (context) => {
  let sent = 0;
  let closed = false;
  context.server.answer = (_, response) => {
    response.on("close", () => {
      closed = true;
    });
    const more = () => {
      if (closed || sent > 1e9) return;
      sent += 100_000;
      response.write(new Uint8Array(100_000), more);
    };
    more();
  };
  await rejects(() => fetchFile(context), DataError, /sends more than the 300000 bytes/);
  assert.ok(sent < 50e6, `${sent} bytes were sent`);
  assert.equal(readdirSync(join(context.folder, "sets")), []);
  assert.is(context.server.asked.length, 1);
});

test("errors of the server: some are final, some are tried again", async (context) => {
  const { server } = context;
  for (const [status, tries] of [
    [404, 1],
    [403, 1],
    [204, 1],
    [416, 1],
    [500, 3],
    [429, 3],
  ] as const) {
    server.asked.length = 0;
    server.answer = (_, response) => response.writeHead(status).end();
    const pattern = new RegExp(`^cannot download http.*: the server answers with status ${status}`);
    await rejects(() => fetchFile(context), DataError, pattern);
    assert.is(server.asked.length, tries, `${status}`);
  }
});

test("a server that encodes the file once more is refused", async (context) => {
  const headers = { "content-encoding": "gzip" };
  context.server.answer = (_, response) => response.writeHead(200, headers).end(bytes);
  await rejects(() => fetchFile(context), DataError, /encodes the file as gzip/);
});

test("a host that cannot be reached is not asked again", async (context) => {
  await context.server.close();
  const started = performance.now();
  const slow = { pausesMs: [5000, 5000] };
  const refused = /cannot download .*: the host refuses the connection$/;
  await rejects(() => fetchFile(context, slow), DataError, refused);
  const unknown = () => download("http://no-such-host.invalid/x", context.target, pin, slow);
  await rejects(unknown, DataError, /the host is not found \(no network\?\)$/);
  assert.ok(performance.now() - started < 4000);
});

test("two downloads of one file at a time do each other no harm", async (context) => {
  context.server.answer = serve(bytes);
  await Promise.all([fetchFile(context), fetchFile(context), fetchFile(context)]);
  assertComplete(context);
});

test("a disk that fills up is an input/output error, and the rest comes when there is room", async (context) => {
  const disk = join(context.folder, "sets");
  mkdirSync(disk);
  const mount = (...words: string[]) => spawnSync("mount", [...words, disk]).status === 0;
  if (!mount("-t", "tmpfs", "-o", "size=128k", "tmpfs"))
    return skip("only root mounts a file system, on Linux");
  try {
    context.server.answer = serve(bytes);
    await rejects(
      () => fetchFile(context),
      IoError,
      /file\.gz\.part: no space left on the device$/,
    );
    assert.not.ok(existsSync(context.target));
    assert.ok(mount("-o", "remount,size=1m"));
    await fetchFile(context);
    assert.equal(new Uint8Array(readFileSync(context.target)), bytes);
    assert.match(context.server.asked.at(-1)!, /bytes=\d+-$/, "it went on");
  } finally {
    spawnSync("umount", [disk]);
  }
});

test("a pipe in the place of what has arrived is refused", async (context) => {
  mkdirSync(join(context.folder, "sets"));
  if (spawnSync("mkfifo", [context.part]).status !== 0) return skip("there are no pipes");
  await rejects(
    () => within(5, fetchFile(context)),
    IoError,
    /is a device or a pipe, expected a file$/,
  );
});

test("a folder that cannot be made is an input/output error", async ({ folder, server }) => {
  const host = await createNodeHost();
  writeFileSync(join(folder, "plain"), "");
  const target = join(folder, "plain", "under");
  const pattern = /^cannot write .*plain.under\.part: /;
  await rejects(() => host.download(server.url, target, pin), IoError, pattern);
  assert.equal(server.asked, []);
});

test.run();
