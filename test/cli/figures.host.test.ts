import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PNG } from "pngjs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { latentgrad, onlyLine, start, untilPrinted } from "../support/command.ts";
import { markPaths } from "../support/marks.ts";
import {
  addresses,
  all,
  checkAccessible,
  type Element,
  parseMarkup,
  textIn,
} from "../support/markup.ts";

const test = suite("figures and reports, from end to end");

const folder = mkdtempSync(join(tmpdir(), "latentgrad-figures-"));
const run = join(folder, "run");
const node = ["--runtime", "node"];
const small = [
  ...["train", "vae", "--data", "glyphs", "--limit", "64", "--batch", "16"],
  ...["--set", "width=0.1", ...node],
];

test.after(() => rmSync(folder, { recursive: true, force: true }));

async function succeed(args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await latentgrad(args);
  assert.is(status, 0, stderr);
  return stdout;
}

async function failure(status: number, args: readonly string[]): Promise<string> {
  const result = await latentgrad(args);
  assert.is(result.status, status, result.stderr);
  const line = onlyLine(result);
  assert.ok(line, result.stderr);
  return line as string;
}

const text = (...path: string[]) => readFileSync(join(run, ...path), "utf8");
const figure = (name: string) => readFileSync(join(run, "figures", name));

/** A report that has passed what every report must. */
function page(out: string): Element {
  const root = parseMarkup(readFileSync(join(out, "report.html"), "utf8"));
  checkAccessible(root);
  for (const address of addresses(root)) assert.match(address, /^(data:image\/|#)/);
  return root;
}

test("train leaves figures and a report, and pictures for TensorBoard", async () => {
  const out = ["--epochs", "2", "--set", "latent=3", "--tensorboard", "--out", run];
  const stdout = await succeed([...small, ...out]);
  assert.match(stdout, /\nreport .*report\.html\n$/);
  assert.equal(readdirSync(join(run, "figures")), [
    "curves.svg",
    "interpolation.png",
    "latent.svg",
    "reconstructions.png",
    "samples.png",
    "traversal.png",
  ]);
  for (const name of readdirSync(join(run, "figures"))) {
    if (name.endsWith(".svg")) checkAccessible(parseMarkup(text("figures", name)));
    else assert.ok(PNG.sync.read(figure(name)).width > 100);
  }
  const root = page(run);
  assert.is(all(root, "img").length, 5);
  assert.match(textIn(root), /All 2 epochs were trained/);
  const [events] = readdirSync(join(run, "tensorboard"));
  const bytes = readFileSync(join(run, "tensorboard", events!));
  for (const tag of ["reconstructions", "samples"]) {
    const places = bytes.toString("latin1").split(tag).length - 1;
    assert.is(places, 2, `${tag}: once an epoch`);
  }
});

test("evaluate prints measures, notes them, and the report shows them", async () => {
  const metrics = JSON.parse(await succeed(["evaluate", run, "--json", ...node]));
  assert.equal(Object.keys(metrics), ["loss", "reconstruction", "kl", "elbo"]);
  assert.is(metrics.elbo.n, 2000);
  const line = JSON.parse(text("metrics.jsonl").trimEnd().split("\n").at(-1)!);
  assert.equal([line.kind, line.checkpoint, line.elbo], ["eval", "best", metrics.elbo.value]);
  await succeed(["report", run]);
  const shown = `−${(-metrics.elbo.value).toFixed(2)}`;
  assert.ok(textIn(page(run)).includes(shown), shown);
});

test("interpolate, traverse and embed draw what they are asked for", async () => {
  const before = figure("interpolation.png");
  const slerp = ["--from", "prior", "--method", "slerp", "--rows", "2", "--steps", "4"];
  await succeed(["interpolate", run, ...slerp, ...node]);
  assert.not.equal(figure("interpolation.png"), before);
  const png = PNG.sync.read(figure("interpolation.png"));
  assert.equal([png.width, png.height], [24 + 4 * 60 - 4, 24 + 2 * 60 - 4]);

  const out = join(folder, "row.png");
  const order = ["--order", "index", "--dimensions", "2", "--image", "5", "--out", out];
  const rows = await succeed(["traverse", run, ...order, "--steps", "3", ...node]);
  assert.is(rows, `dimension 1\ndimension 2\nfigure ${out}\n`);
  assert.is(PNG.sync.read(readFileSync(out)).height, 24 + 2 * 60 - 4);
  const used = JSON.parse(await succeed(["traverse", run, "--json", ...node]));
  const variances = used.dimensions.map(({ variance }: { variance: number }) => variance);
  assert.equal(
    variances,
    [...variances].sort((a, b) => b - a),
  );
  assert.is(variances.length, 3);

  const points = JSON.parse(await succeed(["embed", run, "--count", "100", "--json", ...node]));
  assert.is(points.n, 100);
  assert.match(points.axes[0].title, /^principal component 1: \d+ % of the variance$/);
  const svg = parseMarkup(text("figures", "latent.svg"));
  const paths = markPaths(svg);
  assert.is(paths.length, 10);
  const pieces = paths.map(({ attributes }) => attributes.d!.split("m").length - 1);
  // The marks of the third and the sixth class have two lines each.
  const each = [1, 1, 2, 1, 1, 2, 1, 1, 1, 1];
  assert.equal(
    pieces,
    each.map((lines) => 10 * lines),
    "as many of each class",
  );
});

test("--checkpoint chooses the weights, and the picture says so", async () => {
  await succeed(["sample", run, "--checkpoint", "last", "--count", "4", ...node]);
  assert.match(
    figure("samples.png").toString("latin1"),
    /Weights: last checkpoint, epoch 2, step 8\./,
  );
  const line = await failure(3, ["sample", run, "--checkpoint", "epoch-000009", ...node]);
  assert.match(line, /epoch-000009\.safetensors: no such checkpoint; there are best, last$/);
});

test("mistakes are one line with the status of their kind", async () => {
  assert.match(await failure(2, ["evaluate", "nowhere", ...node]), /nowhere: no such run folder$/);
  assert.match(await failure(2, ["report", "nowhere"]), /nowhere: no such run folder$/);
  assert.match(await failure(3, ["report", folder]), /no config\.json in it/);
  const image = ["traverse", run, "--image", "2000", ...node];
  assert.match(await failure(2, image), /--image 2000: the 2,000 test images count from 0$/);
  const nowhere = ["report", run, "--out", join(run, "config.json", "x.html")];
  assert.match(await failure(7, nowhere), /x\.html/);
});

test("an interrupted run has its report", async () => {
  const out = join(folder, "interrupted");
  const dense = ["--set", "network=dense"];
  const running = start([...small, ...dense, "--epochs", "1000", "--out", out]);
  await untilPrinted(running, /epoch 1\//);
  running.child.kill("SIGINT");
  const { status, stderr } = await running.ended;
  assert.is(status, 130, stderr);
  assert.match(textIn(page(out)), /Interrupted\s*After \d+ whole epochs? and \d+ steps/);
  assert.not.ok(existsSync(join(out, "figures")), "nothing was drawn");
});

test("a diverged run has its report", async () => {
  const out = join(folder, "diverged");
  const line = await failure(6, [...small, "--set", "learning-rate=1e9", "--out", out]);
  const root = page(out);
  assert.match(textIn(root), /Diverged\s*matmul \(add\) at step 2/);
  const said = line.replace("latentgrad: ", "").split(";")[0]!;
  assert.ok(textIn(root).includes(said), said);
});

test.run();
