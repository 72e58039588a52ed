/** A run whose folder of pictures lies elsewhere by now, and one whose pictures are others. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { embed } from "../../src/figures/embed.ts";
import { interpolate } from "../../src/figures/interpolate.ts";
import { reconstruct } from "../../src/figures/reconstruct.ts";
import { swap } from "../../src/figures/swap.ts";
import { traverse } from "../../src/figures/traverse.ts";
import { readSafetensors, writeSafetensors } from "../../src/formats/safetensors.ts";
import { CheckpointError, DataError, UsageError } from "../../src/gpu/errors.ts";
import { evaluate } from "../../src/metrics/evaluate.ts";
import { idxFile } from "../support/idx-file.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { type Texts, trace, trainInMemory } from "../support/training.ts";

const test = suite("moved and changed data of a run");

function put(host: MemoryHost, path: string, grey: number): void {
  const pixels = Uint8Array.from({ length: 16 }, (_, i) => (7 * i + grey) % 256);
  host.putPicture(path, { width: 4, height: 4, channels: 1, pixels });
}

/** Twenty pictures of each of two classes. */
function pictures(host: MemoryHost, folder: string): void {
  for (let i = 10; i < 30; i++)
    for (const name of ["a", "b"]) put(host, `${folder}/${name}/${i}.png`, i);
}

function remove(host: MemoryHost, folder: string): void {
  for (const path of host.paths())
    if (path.startsWith(`${folder}/`)) {
      host.files.delete(path);
      host.pictures.delete(path);
    }
}

const texts: Texts = { data: "folder:/p", overfit: undefined, "full-train": "true", epochs: "1" };
const last = "r/checkpoints/last.safetensors";

test("errors about a user's own data call them as the user has", async () => {
  const host = new MemoryHost();
  pictures(host, "/p");
  await trainInMemory(host, texts, {}, { width: "0.05", latent: "2", network: "dense" }, "cvae");
  for (let i = 10; i < 30; i++) {
    for (const name of ["a", "c"]) put(host, `/q/${name}/${i}.png`, i);
    put(host, `/plain/${i}.png`, i);
  }
  const on = (folder: string, more: { probe?: true } = {}) =>
    evaluate("r", { data: `folder:${folder}`, ...more }, host);
  await rejects(() => on("/q"), DataError, /^folder:\/q: class 1 is "c", the run has "b"$/);
  await rejects(() => on("/plain"), DataError, /^folder:\/plain: \d+ class/);
  const other = new MemoryHost();
  pictures(other, "/p");
  await trainInMemory(other, texts, {}, { width: "0.05", latent: "2", network: "dense" }, "vae");
  for (let i = 10; i < 30; i++) put(other, `/plain/${i}.png`, i);
  await rejects(
    () => evaluate("r", { data: "folder:/plain", probe: true }, other),
    UsageError,
    /^--probe tells classes apart, and folder:\/plain has none$/,
  );
});

test("a folder that was moved is named by --data, and the run goes on bit for bit", async () => {
  const [host, still] = [new MemoryHost(), new MemoryHost()];
  for (const each of [host, still]) {
    pictures(each, "/p");
    await trainInMemory(each, texts);
  }
  const before = (await evaluate("r", {}, host)).metrics;
  remove(host, "/p");
  pictures(host, "/new/q");
  await rejects(
    () => evaluate("r", {}, host),
    DataError,
    /^\/p: no such folder; if the data were moved, --data folder:PATH says where they are$/,
  );
  await rejects(
    () => evaluate("r", { data: "folder:/typo" }, host),
    DataError,
    /^\/typo: no such folder$/,
  );
  assert.equal((await evaluate("r", { data: "folder:/new/q" }, host)).metrics, before);
  const resume = (more: Texts) => trainInMemory(host, { ...texts, resume: "true", ...more });
  await rejects(
    () => resume({}),
    DataError,
    /^\/p: no such folder; if the data were moved, --resume --out r --data folder:PATH says where/,
  );
  // Nothing is left to train: the configuration knows the new place before a checkpoint does.
  await resume({ data: "folder:/new/q/" });
  assert.is(JSON.parse(host.text("r/config.json")).data, "folder:/new/q");
  await resume({ data: "folder:/new/q", epochs: "2" });
  await trainInMemory(still, { ...texts, resume: "true", epochs: "2" });
  const trained = (of: MemoryHost) =>
    trace(of).metrics.filter((line) => !/eval/.test(JSON.stringify(line)));
  assert.equal(trained(host), trained(still));
  assert.is((await evaluate("r", {}, host)).metrics.loss?.n, 4);
});

test("so are IDX files", async () => {
  const host = new MemoryHost();
  const idx = (folder: string) => {
    const pixels = Uint8Array.from({ length: 40 * 16 }, (_, i) => 7 * i);
    host.put(`${folder}/train-images-idx3-ubyte`, idxFile([40, 4, 4], pixels));
    host.put(`${folder}/train-labels-idx1-ubyte`, idxFile([40], pixels.subarray(0, 40).fill(3)));
  };
  idx("/p");
  await trainInMemory(host, { ...texts, data: "idx:/p" });
  remove(host, "/p");
  const missing = /^\/p: no such folder, .*; if the data were moved, --data idx:PATH says where/;
  await rejects(() => evaluate("r", {}, host), DataError, missing);
  idx("/q");
  const { metrics } = await evaluate("r", { data: "idx:/q" }, host);
  assert.not.match(metrics.loss?.note ?? "", /trained on/);
  await trainInMemory(host, { ...texts, data: "idx:/q", resume: "true", epochs: "2" });
});

test("data that are elsewhere and others are refused, unless that is wanted", async () => {
  const host = new MemoryHost();
  pictures(host, "/p");
  await trainInMemory(host, texts);
  remove(host, "/p");
  pictures(host, "/q");
  put(host, "/q/a/30.png", 9);
  const resume = (more: Texts = {}) =>
    trainInMemory(host, { ...texts, data: "folder:/q", resume: "true", epochs: "2", ...more });
  await rejects(
    () => resume(),
    DataError,
    /^folder:\/q: the data are not those it had \(37 images, were 36\); --allow-other-data goes on/,
  );
  const file = await readSafetensors(host.files.get(last)!, last);
  const { payload_sha256: _, header_sha256: __, training_data: ___, ...rest } = file.metadata;
  const saved = host.files.get(last)!;
  host.put(last, await writeSafetensors(file.tensors, rest));
  await rejects(
    () => resume(),
    DataError,
    /^folder:\/q: the run does not say whether these are the data it had, folder:\/p; --allow-other/,
  );
  host.put(last, saved);
  await resume({ "allow-other-data": "true" });
  await resume({ epochs: "3" });
});

test("a checkpoint that does not know its data by their bytes knows them by their name", async () => {
  const host = new MemoryHost();
  pictures(host, "/p");
  pictures(host, "/q");
  await trainInMemory(host, texts);
  const file = await readSafetensors(host.files.get(last)!, last);
  const { payload_sha256: _, header_sha256: __, training_data: ___, ...rest } = file.metadata;
  host.put(last, await writeSafetensors(file.tensors, rest));
  host.put("r/config.json", host.text("r/config.json").replace("folder:/p", "folder:/q"));
  await rejects(
    () => trainInMemory(host, { ...texts, data: "folder:/q", resume: "true", epochs: "2" }),
    CheckpointError,
    /its data is "folder:\/p", that of the run is "folder:\/q"/,
  );
});

test("a folder is the same however it was typed", async () => {
  const host = new MemoryHost();
  pictures(host, "/p");
  await trainInMemory(host, { ...texts, data: "folder:/p/" });
  await trainInMemory(host, { ...texts, resume: "true", epochs: "2" });
});

test("each command that looks at the data says in one line that they have changed", async () => {
  const host = new MemoryHost();
  pictures(host, "/p");
  const settings = { width: "0.05", latent: "2", network: "dense" };
  await trainInMemory(host, texts, {}, settings, "cvae");
  const drawn = { rows: 2, steps: 3, seed: 1, method: "lerp" } as const;
  const commands = {
    reconstruct: (told: object) => reconstruct("r", { count: 2 }, host, told),
    embed: (told: object) => embed("r", { count: 4 }, host, told),
    swap: (told: object) => swap("r", { contents: 2, styles: 2, seed: 1 }, host, told),
    interpolate: (told: object) => interpolate("r", { ...drawn, from: "test" }, host, told),
    traverse: (told: object) =>
      traverse("r", { dimensions: 2, order: "used", range: 3, steps: 3 }, host, told),
  };
  const told = async () => {
    const lines: Record<string, string[]> = {};
    for (const [name, command] of Object.entries(commands)) {
      const own: string[] = [];
      await command({ onOtherData: (line: string) => own.push(line) });
      lines[name] = own;
    }
    return lines;
  };
  for (const [name, lines] of Object.entries(await told())) assert.equal(lines, [], name);
  put(host, "/p/a/31.png", 200);
  const line =
    "the data are not those it was trained on (37 images, were 36); it may have been trained on some of these";
  for (const [name, lines] of Object.entries(await told())) assert.equal(lines, [line], name);
  const { note = "" } = (await evaluate("r", {}, host)).metrics.loss!;
  assert.ok(note.endsWith(`; ${line}`), note);
  const own: string[] = [];
  const onOtherData = (other: string) => own.push(other);
  await evaluate("r", {}, host, { onOtherData });
  assert.equal(own.splice(0), [line]);
  await interpolate("r", { ...drawn, from: "prior" }, host, { onOtherData });
  assert.equal(own, [], "it looks at no data");
});

test("what a run was trained on before is not forgotten when it goes on with other data", async () => {
  const host = new MemoryHost();
  pictures(host, "/p");
  const resume = (epochs: string, more: Texts = {}) =>
    trainInMemory(host, { ...texts, resume: "true", epochs, ...more });
  const told = async (run = "r") => {
    const lines: string[] = [];
    const onOtherData = (line: string) => lines.push(line);
    const { note = "" } = (await evaluate(run, {}, host, { onOtherData })).metrics.loss!;
    await reconstruct(run, { count: 2 }, host, { onOtherData });
    const first = lines.shift();
    assert.equal(lines, first === undefined ? [] : [first], "both say the same, and that once");
    assert.is(note.endsWith(`; ${first}`), first !== undefined, note);
    return first;
  };
  const before = (difference: string) =>
    `the run was trained on other data before (${difference}): some test images may have been trained on`;
  await trainInMemory(host, texts);
  assert.is(await told(), undefined);
  put(host, "/p/a/31.png", 200);
  await resume("2", { "allow-other-data": "true" });
  assert.is(await told(), before("37 images, were 36"));
  await resume("3");
  assert.is(await told(), before("37 images, were 36"), "also behind another stop");
  host.put("lone.safetensors", host.files.get(last)!);
  assert.is(await told("lone.safetensors"), before("37 images, were 36"), "the checkpoint alone");
  // Back to the first data: the others are what is different now.
  host.files.delete("/p/a/31.png");
  await resume("4", { "allow-other-data": "true" });
  assert.is(await told(), before("36 images, were 37"));
  put(host, "/p/a/32.png", 100);
  await resume("5", { "allow-other-data": "true" });
  const all = "37 images, were 36; 37 images as before, with other content";
  assert.is(await told(), before(all));
  const { earlierData } = JSON.parse(host.text("r/config.json")).run;
  assert.equal(
    earlierData.map(({ images }: { images: number }) => images),
    [36, 37],
    "in their order, each once",
  );
  const file = await readSafetensors(host.files.get(last)!, last);
  const { payload_sha256: _, header_sha256: __, ...rest } = file.metadata;
  host.put(last, await writeSafetensors(file.tensors, { ...rest, earlier_data: "[1]" }));
  await rejects(() => resume("6"), CheckpointError, /its earlier_data is "\[1\]"$/);
});

test.run();
