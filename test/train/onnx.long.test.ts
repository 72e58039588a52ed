/**
 * Every model that is exported gives in ONNX Runtime what it gives here. The runtime is in a folder of its
 * own: npm ci --prefix test/onnx-runtime
 */
import { execFile as start } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { UsageError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import type { DataShape } from "../../src/models/definition.ts";
import { models } from "../../src/models/registry.ts";
import { writeNetworks } from "../../src/train/onnx/export.ts";
import { exportRun } from "../../src/train/onnx/export-run.ts";
import { latentgrad } from "../support/command.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { engineResults, largestDifference, movedModel } from "../support/onnx-models.ts";
import { type Loaded, onnxRuntime } from "../support/onnx-runtime.ts";
import { skip } from "../support/skip.ts";
import { trainInMemory } from "../support/training.ts";

const test = suite("exported models in ONNX Runtime");

const execFile = promisify(start);
const TOLERANCE = 1e-4;
const BATCHES = [1, 5];

/** Halved four times, the sides are odd and even; the channels are several. */
const small: DataShape = { height: 11, width: 6, channels: 3, classes: 4, images: 100 };
const digits: DataShape = { height: 28, width: 28, channels: 1, classes: 10, images: 100 };
const vectors: DataShape = {
  ...{ height: 1, width: 1, channels: 8, vectors: true },
  ...{ classes: 4, images: 100 },
};

interface Case {
  readonly model: string;
  readonly data: DataShape;
  readonly settings: Readonly<Record<string, string>>;
}

/** Those whose networks are chosen with other settings than `network`. */
const more: readonly Case[] = [
  { model: "vae", data: digits, settings: {} },
  { model: "vae", data: digits, settings: { network: "dense", latent: "20" } },
  { model: "cvae", data: digits, settings: {} },
  { model: "cvae", data: digits, settings: { network: "conv" } },
  { model: "vae", data: small, settings: { width: "0.1", likelihood: "gaussian" } },
  { model: "vae", data: small, settings: { width: "0.1", likelihood: "learned" } },
  { model: "lambda-hot", data: small, settings: { width: "0.1", movable: "true" } },
  { model: "mask-aae", data: small, settings: { width: "0.05", mask: "false" } },
  ...["true", "false"].flatMap((skip) =>
    ["true", "false"].map((deeper) => ({
      ...{ model: "dual-aae", data: { ...small, attributes: { style: 3 } } },
      settings: { width: "0.1", content: "5", style: "3", skip, deeper },
    })),
  ),
  {
    ...{ model: "dual-aae", data: small },
    settings: { width: "0.1", "style-weight": "0", "code-norm": "false" },
  },
];

/** Every model with each of its networks on small pictures, and on vectors where it takes them. */
const cases: readonly Case[] = [
  ...models
    .filter(({ name }) => !["flow-vae", "classifier", "dual-aae"].includes(name))
    .flatMap(({ name, settings }) =>
      (settings.network?.type === "choice" ? settings.network.choices : []).flatMap((network) => {
        const width = { width: network === "wae" ? "0.02" : "0.06" };
        const one = { model: name, data: small, settings: { network, ...width } };
        const flat = ["dense", "mlp"].includes(network) && name !== "flex-ae-sr";
        return flat ? [one, { ...one, data: vectors }] : [one];
      }),
    ),
  ...more,
];

const load = onnxRuntime();
const device = await openDevice();

test("there is no model without a case or a reason", () => {
  const named = new Set([...cases.map(({ model }) => model), "flow-vae", "classifier"]);
  assert.equal([...named].sort(), models.map(({ name }) => name).sort());
});

test("a model that cannot be exported says why, and leaves no file", async () => {
  for (const [name, pattern] of [
    ["flow-vae", /^flow-vae: its codes go through normalising flows/],
    ["classifier", /^classifier: it has no decoder/],
  ] as const) {
    const host = new MemoryHost();
    await trainInMemory(host, { epochs: "1" }, {}, { width: "0.05" }, name);
    const error = await exportRun("r", {}, host).catch((reason) => reason);
    assert.instance(error, UsageError);
    assert.match(error.message, pattern);
    assert.equal(
      host.paths().filter((path) => path.endsWith(".onnx")),
      [],
    );
  }
});

if (!load) skip("ONNX Runtime is not installed: npm ci --prefix test/onnx-runtime");

for (const { model: name, data, settings } of load ? cases : []) {
  const chosen = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  const size = `${data.height}×${data.width}×${data.channels}`;
  test(`${name} ${chosen.join(" ")} on ${size}`, async () => {
    const model = await movedModel(device, name, data, settings);
    const files = await writeNetworks(model, name, data);
    for (const part of ["encoder", "decoder"] as const) {
      const graph = await (load as (file: Uint8Array) => Promise<Loaded>)(files[part].bytes);
      for (const batch of BATCHES) {
        const { inputs, outputs } = (await engineResults(device, model, data, batch))[part];
        const found = await graph.run(inputs);
        assert.equal(Object.keys(found).sort(), Object.keys(outputs).sort());
        for (const [result, values] of Object.entries(outputs)) {
          const difference = largestDifference(found[result] ?? [], values);
          const where = `${part} ${result}, batch ${batch}`;
          assert.ok(difference <= TOLERANCE, `${where}: ${difference}`);
          // A network whose results are all alike would hide what goes wrong in it.
          assert.ok(new Set(values).size > 1, where);
        }
      }
      await graph.release();
    }
  });
}

test("the program of docs/onnx.md runs on what the command leaves", async () => {
  if (!load) return;
  const folder = mkdtempSync(join(tmpdir(), "latentgrad-onnx-"));
  try {
    const run = join(folder, "runs/vae-glyphs");
    const few = [
      "--limit",
      "64",
      "--batch",
      "32",
      "--epochs",
      "1",
      "--set",
      "width=0.1",
      "--runtime",
      "node",
    ];
    for (const args of [
      ["train", "vae", "--data", "glyphs", ...few, "--out", run],
      ["export", run, "--format", "onnx", "--runtime", "node"],
    ]) {
      const { status, stderr } = await latentgrad(args);
      assert.is(status, 0, stderr);
    }
    symlinkSync(resolve("test/onnx-runtime/node_modules"), join(folder, "node_modules"));
    const blocks = readFileSync("docs/onnx.md", "utf8").matchAll(/^```js\n([\s\S]*?)^```$/gm);
    const [program] = [...blocks].flatMap(([, text = ""]) =>
      text.includes("onnxruntime-web") ? [text] : [],
    );
    writeFileSync(join(folder, "program.mjs"), program as string);
    const { stdout } = await execFile(process.execPath, ["program.mjs"], { cwd: folder });
    assert.is(stdout, "8×1×28×28\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.after(() => device.close());

test.run();
