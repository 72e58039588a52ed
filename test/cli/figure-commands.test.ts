import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Actions } from "../../src/cli/actions.ts";
import { runCommand } from "../../src/cli/program.ts";
import { needsDevice } from "../../src/cli/runtime.ts";
import { IoError } from "../../src/gpu/errors.ts";
import { unusedActions } from "../support/actions.ts";
import { MemoryHost } from "../support/memory-host.ts";

const test = suite("commands that look at a run");

/** Runs a command line; each action remembers what it was asked and gives `result`. */
async function cli(line: string, result: object) {
  const calls: unknown[][] = [];
  const remember = (name: string) => async (run: string, options: object) => {
    calls.push([name, run, options]);
    return result;
  };
  const names = Object.keys(unusedActions).filter((name) => !["train", "models"].includes(name));
  const doubles = Object.fromEntries(names.map((name) => [name, remember(name)]));
  const actions = { ...unusedActions, ...doubles } as Actions;
  const host = new MemoryHost();
  const status = await runCommand(line.split(" "), host, actions);
  return { status, calls, out: host.out, err: host.err };
}

const drawn = { figure: "r/figures/x.png" };

test("each passes its options, or the defaults", async () => {
  const data = "--data folder:x --data-dir d --checkpoint last --out o.png";
  const given = { data: "folder:x", dataDir: "d", checkpoint: "last", out: "o.png" };
  for (const [line, options] of [
    ["swap r", { contents: 8, styles: 10, seed: 1 }],
    [
      `swap r --contents 3 --styles 4 --seed 9 ${data}`,
      { contents: 3, styles: 4, seed: 9, ...given },
    ],
    ["interpolate r", { from: "test", method: "lerp", rows: 8, steps: 10, seed: 1 }],
    [
      `interpolate r --from prior --method slerp --rows 2 --steps 3 --seed 4 ${data}`,
      { from: "prior", method: "slerp", rows: 2, steps: 3, seed: 4, ...given },
    ],
    ["traverse r", { dimensions: 20, order: "used", range: 3, steps: 11 }],
    [
      `traverse r --dimensions 4 --order index --range 1.5 --steps 5 --image 0 ${data}`,
      { dimensions: 4, order: "index", range: 1.5, steps: 5, image: 0, ...given },
    ],
    ["embed r", { count: 2000 }],
    [`embed r --count 100 ${data}`, { count: 100, ...given }],
    ["sample r --checkpoint epoch-000003", { count: 64, seed: 1, checkpoint: "epoch-000003" }],
    ["reconstruct r --checkpoint last", { count: 24, checkpoint: "last" }],
    ["manifold r --checkpoint last", { size: 20, checkpoint: "last" }],
  ] as const) {
    const extra = { dimensions: [], axes: [], n: 1, reconstruction: 1, kl: 1 };
    const { status, calls, out, err } = await cli(`${line} --runtime deno`, { ...drawn, ...extra });
    assert.is(status, 0, err);
    assert.equal(calls, [[line.split(" ")[0], "r", options]]);
    assert.match(out, /figure r\/figures\/x\.png\n$/);
  }
});

test("that the data have changed is said on stderr, quiet or not, and downloads are not", async () => {
  const result = { ...drawn, dimensions: [], axes: [], n: 1, reconstruction: 1 };
  for (const name of ["reconstruct", "embed", "swap", "interpolate", "traverse"])
    for (const quiet of ["", " --quiet"]) {
      const act: Actions["swap"] = async (_, __, ___, told) => {
        told?.onDownload?.({ url: "u", received: 1, total: 1, done: true });
        told?.onOtherData?.("they have changed");
        return result;
      };
      const host = new MemoryHost();
      const actions = { ...unusedActions, [name]: act } as Actions;
      assert.is(await runCommand(`${name} r${quiet}`.split(" "), host, actions), 0);
      const download = quiet ? "" : "downloaded u: 0.0 kB\n";
      assert.is(host.err, `${download}they have changed\n`, name);
    }
});

test("traverse and embed say what they show", async () => {
  const dimensions = [{ dimension: 7, variance: 0.98765 }, { dimension: 2 }];
  const rows = await cli("traverse r", { ...drawn, dimensions });
  assert.is(rows.out, "dimension 7  variance 0.9877\ndimension 2\nfigure r/figures/x.png\n");
  const axes = [{ title: "principal component 1: 31 % of the variance", share: 0.31 }];
  const points = await cli("embed r", { ...drawn, n: 10, axes });
  assert.is(
    points.out,
    "axis 1  principal component 1: 31 % of the variance\nfigure r/figures/x.png\n",
  );
  assert.equal(JSON.parse((await cli("embed r --json", { ...drawn, n: 10, axes })).out).axes, axes);
});

test("report", async () => {
  const result = { report: "r/report.html", figures: ["r/figures/curves.svg"] };
  const { calls, out } = await cli("report r --out x.html", result);
  assert.equal(calls, [["report", "r", { out: "x.html" }]]);
  assert.is(out, "figure r/figures/curves.svg\nreport r/report.html\n");
  assert.equal(JSON.parse((await cli("report r --json", result)).out), result);
});

test("export says what the files take and give", async () => {
  const value = (name: string, ...shape: (number | string)[]) => ({
    ...{ name, type: "float32", shape },
  });
  const result = {
    ...{ format: "onnx", opset: 13 },
    encoder: {
      file: "r/onnx/encoder.onnx",
      inputs: [value("image", "batch", 1, 28, 28)],
      outputs: [value("mean", "batch", 2), value("log_variance", "batch", 2)],
    },
    decoder: {
      file: "r/onnx/decoder.onnx",
      inputs: [value("latent", "batch", 2)],
      outputs: [value("image", "batch", 1, 28, 28)],
    },
  };
  const { calls, out } = await cli("export r --format onnx --checkpoint last --out d", result);
  assert.equal(calls, [["exportRun", "r", { checkpoint: "last", out: "d" }]]);
  assert.is(
    out,
    "encoder r/onnx/encoder.onnx  image [batch, 1, 28, 28] → mean [batch, 2], log_variance [batch, 2]\n" +
      "decoder r/onnx/decoder.onnx  latent [batch, 2] → image [batch, 1, 28, 28]\n",
  );
  assert.equal(JSON.parse((await cli("export r --json", result)).out), result);
  const { status, err } = await cli("export r --format onxn", result);
  assert.is(status, 2);
  assert.match(err, /Expected onnx \(did you mean onnx\?\)/);
});

const metrics = {
  loss: { value: 103.901, sd: 25.35, n: 10000, note: "nats per sample" },
  elbo: { value: -103.901, n: 10000 },
};
const evaluated = { metrics, checkpoint: { name: "best", epoch: 12, step: 5616 } };

test("evaluate prints each measure, and as JSON the measures alone", async () => {
  const { calls, out, err } = await cli("evaluate r --checkpoint best", evaluated);
  assert.equal(calls, [["evaluate", "r", { checkpoint: "best" }]]);
  assert.is(err, "weights of best: epoch 12, step 5616\n");
  assert.is(
    out,
    "loss 103.90  sd 25.35  over 10000 images  (nats per sample)\nelbo -103.90  over 10000 images\n",
  );
  assert.equal(JSON.parse((await cli("evaluate r --json", evaluated)).out), metrics);
});

test("evaluate that cannot note its numbers prints them and fails", async () => {
  const unsaved = new IoError("r/metrics.jsonl: permission denied");
  const { status, out, err } = await cli("evaluate r --quiet", { ...evaluated, unsaved });
  assert.is(status, 7);
  assert.match(out, /^loss 103\.90/);
  assert.is(err, "latentgrad: r/metrics.jsonl: permission denied\n");
});

test("mistakes are one line and ask for nothing", async () => {
  for (const [line, pattern] of [
    ["interpolate", /missing required argument 'run'/],
    ["interpolate r --method slrp", /Expected lerp, slerp \(did you mean slerp\?\)/],
    ["interpolate r --from tset", /Expected test, prior \(did you mean test\?\)/],
    ["interpolate r --steps 1", /from 2 to 1000/],
    ["traverse r --order usde", /Expected used, index \(did you mean used\?\)/],
    ["traverse r --range 0", /Expected a number from 0.000001/],
    ["traverse r --image -1", /Expected a whole number from 0/],
    ["embed r --count 1", /from 2 to 100000/],
    ["evaluate r extra", /too many arguments/],
    ["report r --runtime deno", /unknown option '--runtime'/],
    ["sample r --checkpoint=", /Expected a path/],
  ] as const) {
    const { status, calls, err } = await cli(line, {});
    assert.is(status, 2, line);
    assert.match(err, pattern, line);
    assert.match(err, /^latentgrad: [^\n]+\n$/, line);
    assert.equal(calls, []);
  }
});

test("all but the report want a device", () => {
  for (const command of ["evaluate", "interpolate", "traverse", "embed"])
    assert.ok(needsDevice([command, "r"]));
  assert.not(needsDevice(["report", "r"]));
});

test.run();
