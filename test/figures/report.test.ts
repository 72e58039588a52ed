import { suite } from "uvu";
import * as assert from "uvu/assert";
import { drawScatter } from "../../src/figures/embed.ts";
import { report, reportHtml, writeReport } from "../../src/figures/report.ts";
import { readReport } from "../../src/figures/report-data.ts";
import { encodePng } from "../../src/formats/png.ts";
import { DataError, UsageError } from "../../src/gpu/errors.ts";
import type { MetricRecord } from "../../src/train/metrics.ts";
import {
  addresses,
  all,
  checkAccessible,
  type Element,
  parseMarkup,
  textIn,
} from "../support/markup.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import {
  configFile,
  epochRecord,
  fallingRun,
  runFolder,
  stepRecord,
} from "../support/run-records.ts";

const test = suite("report");

const evil = `<script>alert("x")</script><img src=x onerror=alert(1)>`;

async function htmlOf(
  records: readonly MetricRecord[],
  config: Record<string, unknown> = {},
  host = new MemoryHost(),
): Promise<string> {
  return reportHtml(await readReport(await runFolder(records, config, host)));
}

/** The report, once it has passed what every report must. */
async function pageOf(...parameters: Parameters<typeof htmlOf>): Promise<Element> {
  const html = await htmlOf(...parameters);
  const root = parseMarkup(html);
  checkAccessible(root);
  for (const address of addresses(root)) assert.match(address, /^(data:image\/|#)/);
  assert.is(all(root, "script").length, 0);
  assert.not.match(html, / on\w+="/);
  assert.not.match(html, /NaN|undefined|\[object/);
  assert.is(all(root, "html")[0]!.attributes.lang, "en");
  for (const landmark of ["header", "nav", "main", "footer", "h1"])
    assert.is(all(root, landmark).length, 1, landmark);
  return root;
}

/** Text of the section with that heading. */
function section(root: Element, id: string): string {
  return all(root, "section")
    .filter(({ attributes }) => attributes.id === id)
    .map(textIn)
    .join("");
}

const ending = (root: Element) =>
  textIn(all(root, "p").find(({ attributes }) => attributes.class?.startsWith("ending"))!);

async function hostWithPictures(): Promise<MemoryHost> {
  const host = new MemoryHost();
  const pixels = new Uint8Array(12);
  const png = await encodePng({ width: 2, height: 2, channels: 3, pixels }, `24 ${evil}`);
  for (const name of ["samples", "reconstructions", "unknown"])
    host.put(`r/figures/${name}.png`, png);
  const labels = Uint8Array.of(0, 1);
  const set = {
    name: "glyphs",
    path: "runs/glyphs",
    test: { images: labels, labels, count: 2 },
    classNames: [evil, "line"],
  };
  const { svg } = drawScatter(Float32Array.of(0, 1, 2, 3), set, [0, 1], "Weights: best.");
  host.put("r/figures/latent.svg", svg);
  return host;
}

test("a whole run: every section, numbers with their unit, pictures with captions", async () => {
  const evaluation: MetricRecord = {
    ...{ kind: "eval", step: 8, epoch: 2, split: "test", checkpoint: "best", images: 2000 },
    ...{ loss: 101.5, reconstruction: 97.5, kl: 4, elbo: -101.5 },
  };
  const root = await pageOf([...fallingRun(2), evaluation], {}, await hostWithPictures());
  assert.is(textIn(all(root, "h1")[0]!), "vae on glyphs");
  assert.match(ending(root), /^CompleteAll 2 epochs were trained\.$/);
  const numbers = section(root, "numbers");
  assert.match(numbers, /Nats per sample: summed over the pixels and the latent dimensions/);
  assert.match(
    numbers,
    /Test, best checkpoint \(epoch 2\), 2,000 images101\.5097\.504\.00−101\.50/,
  );
  assert.match(section(root, "summary"), /Test −ELBO, best checkpoint101\.50nats per sample/);
  const images = all(root, "img");
  assert.is(images.length, 3, "known figures only");
  assert.equal(
    images.map(({ attributes }) => attributes.src!.slice(0, 22)),
    ["data:image/png;base64,", "data:image/png;base64,", "data:image/svg+xml;bas"],
  );
  assert.equal(
    all(root, "figcaption").map((caption) => textIn(caption).slice(0, 13)),
    ["Reconstructio", "Samples. 24 &", "Latent codes.", "Means over an"],
  );
  assert.match(section(root, "epochs"), /2 \(best\)/);
  assert.match(
    section(root, "environment"),
    /an adapter, llvmpipe.*deno 2\.9\.6.*32.*1\.69 MB.*0\.4 GFLOP/s,
  );
  assert.match(
    section(root, "repeat"),
    /latentgrad train vae --epochs 2 --batch 16 --set network=dense /,
  );
  assert.match(section(root, "events"), /None/);
});

test("pictures come right behind the summary; long tables are folded", async () => {
  const root = await pageOf(fallingRun(2), {}, await hostWithPictures());
  const ids = all(root, "section").map(({ attributes }) => attributes.id);
  assert.equal(ids.slice(0, 4), ["summary", "pictures", "curves", "numbers"]);
  const folded = all(root, "section").filter((part) => all(part, "details").length === 1);
  assert.equal(
    folded.map(({ attributes }) => attributes.id),
    ["epochs", "configuration"],
  );
  for (const part of folded) {
    const inside = all(all(part, "details")[0]!, "table");
    assert.is(inside.length, all(part, "table").length, "all tables of the section");
    assert.is(all(part, "details")[0]!.attributes.open, undefined);
  }
  assert.match(section(root, "configuration"), /All \d+ options and settings, \d+ of them not/);
});

test("is a pure function of what the folder holds", async () => {
  const make = async () => htmlOf(fallingRun(3), {}, await hostWithPictures());
  const first = await make();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.is(await make(), first);
});

test("what comes from files is inert: class names, options, events, file texts", async () => {
  const host = await hostWithPictures();
  host.put("r/figures/latent.svg", `<svg width="9" height="9"><title>${evil}</title></svg>`);
  const event: MetricRecord = { kind: "event", step: 1, epoch: 1, event: evil, message: evil };
  const config = {
    "data-dir": evil,
    run: { classes: [evil], version: evil, adapter: { name: evil } },
  };
  const root = await pageOf([stepRecord(1), event], config, host);
  assert.is(all(root, "img").length, 3);
  assert.ok(section(root, "summary").includes("&lt;script&gt;"));
  assert.ok(section(root, "events").includes("&lt;img src=x"));
  assert.ok(section(root, "repeat").includes("&#39;"), "quoted for a shell, too");
});

test("a run that was interrupted in its first epoch", async () => {
  const event: MetricRecord = { kind: "event", step: 2, epoch: 1, time: 1e9, event: "interrupted" };
  const root = await pageOf([stepRecord(1, 20), stepRecord(2, 18), event]);
  assert.match(ending(root), /^InterruptedAfter 0 whole epochs and 2 steps\. With --resume/);
  assert.match(section(root, "numbers"), /Training, step 218\.0014\.004\.00/);
  assert.match(section(root, "events"), /interrupted122001-09-09 01:46 UTC/);
  assert.is(section(root, "epochs"), "");
});

test("a run that diverged says where and why", async () => {
  const message = "exp at step 3: an infinite value; no checkpoint was saved before";
  const event: MetricRecord = { kind: "event", step: 3, epoch: 1, event: "diverged", message };
  const root = await pageOf([stepRecord(1), stepRecord(2, null), event]);
  assert.is(ending(root), `Diverged${message}.`);
  assert.match(section(root, "numbers"), /not finite/);
});

test("a run that lost its device, and one that goes on", async () => {
  const lost: MetricRecord = {
    kind: "event",
    step: 4,
    epoch: 1,
    event: "device lost",
    message: "m",
  };
  const root = await pageOf([...fallingRun(1), lost, lost]);
  assert.match(ending(root), /^Not finished.*The device was lost 2 times, and the run went on/);
});

test("a run without a single step, and one with a bare configuration", async () => {
  const root = await pageOf([]);
  assert.match(ending(root), /^Not finished/);
  assert.match(section(root, "numbers"), /No step was finished/);
  const host = new MemoryHost();
  const run = { image: { height: 28, width: 28, channels: 1 } };
  host.put("r/config.json", JSON.stringify({ model: "vae", data: "glyphs", run }));
  const { report: path } = await report("r", {}, host);
  const bare = parseMarkup(host.text(path));
  checkAccessible(bare);
  assert.match(section(bare, "configuration"), /learning-rate0\.001/);
});

test("hundreds of epochs are thinned, with the first, the best and the last", async () => {
  const records = Array.from({ length: 500 }, (_, i) => epochRecord(i + 1, i === 300 ? 1 : 5));
  const root = await pageOf(records, { epochs: 500 });
  const rows = all(root, "section").find(({ attributes }) => attributes.id === "epochs")!;
  const names = all(rows, "th")
    .filter(({ attributes }) => attributes.scope === "row")
    .map(textIn);
  assert.ok(names.length <= 62, `${names.length}`);
  assert.equal([names[0], names.at(-1)], ["1", "500"]);
  assert.ok(names.includes("301 (best)"));
  assert.match(textIn(rows), /of 500 epochs/);
});

test("options that differ from the defaults stand out", async () => {
  const root = await pageOf([], { "learning-rate": undefined, seed: 7, epochs: 5, ema: 0.99 });
  const changed = all(root, "tr")
    .filter(({ attributes }) => attributes.class === "changed")
    .map((row) => textIn(row.children[0]!));
  assert.equal(changed, ["batch", "seed", "ema", "network"]);
});

test("a file that is no picture is named, and breaks nothing", async () => {
  const host = new MemoryHost();
  host.put("r/figures/samples.png", "not a picture");
  host.put("r/figures/manifold.png", new Uint8Array(5e6));
  const root = await pageOf(fallingRun(1), {}, host);
  assert.match(section(root, "pictures"), /figures\/samples\.png is not a PNG file/);
  assert.match(section(root, "pictures"), /figures\/manifold\.png has 5 MB, too many/);
});

test("the command writes report and curves, or the report elsewhere", async () => {
  const host = new MemoryHost();
  await runFolder(fallingRun(2), {}, host);
  const before = host.text("r/metrics.jsonl");
  assert.equal(await report("r", {}, host), {
    report: "r/report.html",
    figures: ["r/figures/curves.svg"],
  });
  assert.is(host.text("r/metrics.jsonl"), before);
  const other = new MemoryHost();
  await runFolder(fallingRun(2), {}, other);
  assert.equal(await report("r", { out: "x.html" }, other), { report: "x.html", figures: [] });
  assert.equal(other.paths(), ["r/config.json", "r/metrics.jsonl", "x.html"]);
  const folder = await runFolder([], {}, new MemoryHost());
  assert.is(await writeReport(folder), "r/report.html");
});

test("folders that are no runs", async () => {
  const host = new MemoryHost();
  await rejects(() => report("none", {}, host), UsageError, /^none: no such run folder$/);
  host.put("x/notes.txt", "");
  await rejects(() => report("x", {}, host), DataError, /^x: no config\.json in it/);
  host.put("y/config.json", configFile());
  host.put("y/metrics.jsonl", "{}\n");
  await rejects(() => report("y", {}, host), DataError, /^y\/metrics\.jsonl: line 1 is not/);
});

test("no ELBO where the terms bound no density", async () => {
  const of = async (model: string) => {
    return section(await pageOf(fallingRun(1), { model }), "numbers");
  };
  assert.match(await of("vae"), /ELBO/);
  assert.not(/ELBO/.test(await of("kmeans-vae")));
});

test.run();
