import { suite } from "uvu";
import * as assert from "uvu/assert";
import { downloadLines } from "../../src/cli/download-progress.ts";
import { runCommand } from "../../src/cli/program.ts";
import { unusedActions } from "../support/actions.ts";
import { MemoryHost } from "../support/memory-host.ts";

const test = suite("the command datasets");

const names = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"];

/** Runs the command; the training layer is not asked. */
async function datasets(line: string, host: MemoryHost) {
  const argv = ["datasets", ...line.split(" ").filter(Boolean)];
  const status = await runCommand(argv, host, unusedActions);
  return { status, out: host.out, err: host.err };
}

/** A host with so many of MNIST's files in one place and in another. */
function withFiles(own: number, cached: number): MemoryHost {
  const host = new MemoryHost({ LATENTGRAD_DATA: "/d" });
  for (const [i, name] of names.entries()) {
    if (i < own) host.put(`/d/mnist/${name}-ubyte`, "");
    else if (i < own + cached) host.put(`/cache/data/mnist/${name}-ubyte.gz`, "");
  }
  return host;
}

test("says for each set what is there and where it comes from", async () => {
  const { status, out } = await datasets("", withFiles(4, 0));
  assert.is(status, 0);
  assert.ok(
    out.includes(`
  state    computed
mnist  60,000 + 10,000 handwritten digits, 28×28 grey, 10 classes
  state    here
  folder   /d/mnist
  source   https://ossci-datasets.s3.amazonaws.com/mnist/
  licence  CC BY-SA 3.0, http://yann.lecun.com/exdb/mnist/
fashion-mnist  60,000 + 10,000 garments, 28×28 grey, 10 classes
  state    missing 4 of 4 files: train-images-idx3-ubyte.gz, `),
    out,
  );
  assert.match(out, /\nfolder:PATH {2}PNG and JPEG pictures/);
});

/** The rows of --json by the sets' names. */
// biome-ignore lint/suspicious/noExplicitAny: whatever the command printed
function byName(out: string): Record<string, any> {
  const { datasets: rows } = JSON.parse(out) as { datasets: { name: string }[] };
  return Object.fromEntries(rows.map((row) => [row.name, row]));
}

test("knows the data folder and the cache apart", async () => {
  for (const [own, cached, state, folders] of [
    [4, 0, "here", ["/d/mnist"]],
    [0, 4, "in the cache", ["/cache/data/mnist"]],
    [1, 3, "here and in the cache", ["/d/mnist", "/cache/data/mnist"]],
    [1, 1, "missing 2 of 4 files", ["/d/mnist", "/cache/data/mnist"]],
    [0, 0, "missing 4 of 4 files", ["/d/mnist"]],
  ] as const) {
    const { out } = await datasets("--json", withFiles(own, cached));
    const { glyphs, mnist } = byName(out);
    assert.is(glyphs.state, "computed");
    assert.equal([mnist.state, mnist.folders], [state, folders]);
    assert.is(mnist.available, own + cached === 4);
    assert.is(mnist.missing.length, 4 - own - cached);
    const paths = mnist.files.map((file: { path: string | null }) => file.path);
    assert.is(paths[0], own > 0 ? `/d/mnist/${names[0]}-ubyte` : cached > 0 ? paths[0] : null);
  }
});

test("--json holds the sizes, hashes and sources", async () => {
  const { out } = await datasets("--json", withFiles(0, 0));
  const { folder, cache, patterns } = JSON.parse(out);
  assert.equal([folder, cache], ["/d", "/cache/data"]);
  const { mnist } = byName(out);
  assert.equal(mnist.files[3], {
    name: "t10k-labels-idx1-ubyte.gz",
    bytes: 4542,
    sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    path: null,
  });
  assert.is(mnist.licence, "CC BY-SA 3.0");
  assert.is(patterns[0].name, "folder:PATH");
});

test("CIFAR-10 is available with some of its batches", async () => {
  const host = new MemoryHost({ LATENTGRAD_DATA: "/d" });
  const row = async () => {
    host.out = "";
    return byName((await datasets("--json", host)).out).cifar10;
  };
  assert.is((await row()).state, "missing 6 of 6 files");
  host.put("/d/cifar10/data_batch_1.bin.gz", "");
  assert.equal((await row()).available, false);
  host.put("/d/cifar10/test_batch.bin", "");
  const { state, available, missing, archive } = await row();
  assert.equal([state, available, missing.length], ["here, without 4 of 6 files", true, 4]);
  assert.equal(archive, {
    name: "cifar-10-binary.tar.gz",
    bytes: 170_052_171,
    md5: "c32a1d4ab5d03f1284b67883e8d87530",
  });
  host.out = "";
  const lacks = /\ncifar10 .*\n {2}state {4}here, without 4 of 6 files: data_batch_2\.bin\.gz, /;
  assert.match((await datasets("", host)).out, lacks);
});

test("the sets of faces are here or missing, never downloaded", async () => {
  const host = new MemoryHost({ LATENTGRAD_DATA: "/d" });
  host.put("/cache/data/faces/anime.npy.gz", "");
  const { out } = await datasets("", host);
  assert.ok(
    out.includes(`
  state    missing, never downloaded: celeba*.npy or celeba*.npy.gz
  folder   /d/faces
  licence  non-commercial research only, not to be passed on
anime  `),
    out,
  );
  host.put("/d/faces/celeba_x.npy", "");
  host.out = "";
  const { faces, anime } = byName((await datasets("--json", host)).out);
  const file = { name: "celeba_x.npy", path: "/d/faces/celeba_x.npy" };
  assert.equal([faces.state, faces.available, faces.files], ["here", true, [file]]);
  assert.equal([anime.state, anime.folders], ["in the cache", ["/cache/data/faces"]]);
  assert.is(faces.url, undefined);
});

test("--download fetches what is missing and says where it is", async () => {
  const host = withFiles(3, 0);
  const { status, out, err } = await datasets("--download mnist --download glyphs", host);
  assert.is(status, 0);
  const url = "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz";
  assert.equal(host.asked, [url]);
  assert.match(out, /^mnist .*\n {2}state {4}here and in the cache\n {2}folder {3}\/d\/mnist\n/);
  assert.match(out, /\nglyphs .*\n {2}state {4}computed\n$/);
  assert.is(err, `downloading ${url}: 0.0 kB of 4.5 kB\ndownloaded ${url}: 4.5 kB\n`);
  const quiet = await datasets("--download mnist --quiet --json", withFiles(0, 0));
  assert.is(quiet.err, "");
  assert.is(JSON.parse(quiet.out).datasets.length, 1);
});

test("--download: mistakes are one line", async () => {
  const failing = withFiles(0, 0);
  failing.remote = () => undefined;
  for (const [line, host, status, pattern] of [
    ["--download minst", withFiles(0, 0), 2, /did you mean mnist\?/],
    ["--download folder:x", withFiles(0, 0), 2, /--download folder:x: .* not downloaded/],
    ["--download faces", withFiles(0, 0), 2, /--download faces: it is never .*celeba\*\.npy/],
    ["--download mnist", failing, 3, /data set mnist: .*cannot download https:/],
  ] as const) {
    const result = await datasets(`${line} --quiet`, host);
    assert.is(result.status, status);
    assert.match(result.err, pattern);
    assert.match(result.err, /^latentgrad: [^\n]+\n$/);
    assert.is(result.out, "");
  }
});

test("progress: one line at once, then one every three seconds, and one at the end", () => {
  const lines: string[] = [];
  let now = 0;
  const onDownload = downloadLines(
    (line) => lines.push(line),
    () => now,
  );
  const url = "http://x/f";
  for (let received = 0; received < 10e6; received += 1e5) {
    onDownload({ url, received, total: 10e6, done: false });
    now += 100;
  }
  onDownload({ url, received: 10e6, total: 10e6, done: true });
  assert.equal(lines, [
    "downloading http://x/f: 0.0 kB of 10.0 MB",
    "downloading http://x/f: 3.0 MB of 10.0 MB",
    "downloading http://x/f: 6.0 MB of 10.0 MB",
    "downloading http://x/f: 9.0 MB of 10.0 MB",
    "downloaded http://x/f: 10.0 MB",
  ]);
});

test.run();
