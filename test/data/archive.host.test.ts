/** Sets that are published in one archive: fetched, checked and unpacked by the host. */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fetchUnpacked, fetchWhole } from "../../src/data/archive.ts";
import type { DataSource } from "../../src/data/files.ts";
import type { ArchiveSet } from "../../src/data/sources.ts";
import { DataError } from "../../src/gpu/errors.ts";
import type { Host } from "../../src/host/host.ts";
import { createNodeHost } from "../../src/host/node.ts";
import { createPageHost } from "../../src/host/page.ts";
import { servePage } from "../../src/host/page-server.ts";
import { type FileServer, serve, startFileServer } from "../support/file-server.ts";
import { rejects } from "../support/rejects.ts";
import { tarFile } from "../support/tar-file.ts";

interface Context {
  folder: string;
  /** Of the set, within the cache. */
  cached: string;
  server: FileServer;
  source: DataSource;
}

const one = new TextEncoder().encode("the first file");
const two = Uint8Array.from({ length: 5000 }, (_, i) => i * 7);
const archive = gzipSync(
  tarFile([
    ["tiny-bin/", new Uint8Array()],
    ["tiny-bin/one.bin", one],
    ["tiny-bin/readme.html", one],
    ["tiny-bin/two.bin", two],
  ]),
);

const tiny: ArchiveSet = {
  name: "tiny",
  url: "http://no-such-host.invalid/",
  homepage: "",
  licence: "",
  files: [{ name: "one.bin.gz" }, { name: "two.bin.gz" }],
  archive: {
    name: "tiny.tar.gz",
    bytes: archive.length,
    md5: createHash("md5").update(archive).digest("hex"),
    folder: "tiny-bin",
  },
  suffices: (names) => names.includes("one.bin.gz"),
};

const test = suite<Context>("archives of sets");

test.before.each(async (context) => {
  context.folder = mkdtempSync(join(tmpdir(), "latentgrad-archive-"));
  context.cached = join(context.folder, "cache", "data", "tiny");
  context.server = await startFileServer();
  context.source = sourceOf(await createNodeHost(), context);
});

test.after.each(async ({ folder, server }) => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The host with a cache of its own, which asks the local server. */
function sourceOf(host: Host, { folder, server }: Context): DataSource {
  const env = { LATENTGRAD_MIRROR: `${server.url}/sets`, LATENTGRAD_OFFLINE: "" };
  const own = { ...host, env, cacheDir: join(folder, "cache") };
  return { host: own, dataDir: join(folder, "data") };
}

test("downloads the archive once, unpacks what the set names and removes it", async (context) => {
  const { server, source, cached } = context;
  server.answer = serve(archive);
  const files = await fetchUnpacked(tiny, source);
  assert.equal(server.asked, ["/sets/tiny/tiny.tar.gz whole"]);
  assert.equal(
    files.map(({ name }) => name),
    ["one.bin.gz", "two.bin.gz"],
  );
  assert.equal(readdirSync(cached), ["one.bin", "two.bin"]);
  assert.ok(readFileSync(files[1]!.path).equals(two));
  await fetchUnpacked(tiny, source);
  assert.is(server.asked.length, 1);
});

test("what suffices is not completed unless all is asked for", async (context) => {
  const { server, source, folder } = context;
  server.answer = serve(archive);
  await source.host.writeAtomic(join(folder, "data", "tiny", "one.bin"), one);
  assert.is((await fetchUnpacked(tiny, source)).length, 1);
  assert.equal(server.asked, []);
  await fetchWhole(tiny, source);
  assert.is(server.asked.length, 1);
  const files = await fetchUnpacked(tiny, source);
  assert.equal(
    files.map(({ path }) => path.slice(folder.length + 1).replaceAll("\\", "/")),
    ["data/tiny/one.bin", "cache/data/tiny/two.bin"],
  );
});

test("another archive than the pinned one leaves nothing behind", async (context) => {
  const { server, source, cached } = context;
  const other = Uint8Array.from(archive);
  other[40]! ^= 1;
  server.answer = serve(other);
  const load = () => fetchUnpacked(tiny, source);
  const pattern = /^data set tiny: .*lacks one\.bin\.gz, two\.bin\.gz; cannot .*: its MD5 is not /;
  await rejects(load, DataError, pattern);
  assert.equal(readdirSync(cached), []);
});

test("offline: one line, nothing asked", async (context) => {
  const { server, source } = context;
  const host = { ...source.host, env: { ...source.host.env, LATENTGRAD_OFFLINE: "1" } };
  const load = () => fetchUnpacked(tiny, { ...source, host });
  await rejects(load, DataError, /lacks one\.bin\.gz, two\.bin\.gz; LATENTGRAD_OFFLINE forbids/);
  assert.equal(server.asked, []);
});

test("a page unpacks what its parent downloads", async (context) => {
  const { server, source, cached } = context;
  server.answer = serve(archive);
  const config = { argv: [], env: {}, cwd: context.folder, cacheDir: "", stderrIsTerminal: false };
  const page = await servePage({ script: "", config, host: source.host });
  try {
    const files = await fetchUnpacked(tiny, sourceOf(createPageHost(config, page.url), context));
    assert.is(files.length, 2);
    assert.ok(readFileSync(join(cached, "two.bin")).equals(two));
    assert.equal(readdirSync(cached), ["one.bin", "two.bin"]);
  } finally {
    await page.close();
  }
});

test.run();
