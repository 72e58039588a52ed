import { suite } from "uvu";
import * as assert from "uvu/assert";
import { IoError } from "../../src/gpu/errors.ts";
import { exportRun } from "../../src/train/onnx/export-run.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { readOnnx } from "../support/onnx-file.ts";
import { trainInMemory } from "../support/training.ts";

const test = suite("export");

const exported = (host: MemoryHost) => host.paths().filter((path) => path.endsWith(".onnx"));

test("a run's weights go into onnx/ of the run, or into another folder", async () => {
  const host = new MemoryHost();
  await trainInMemory(host, { epochs: "1" }, {}, { latent: "3" });
  const result = await exportRun("r", {}, host);
  assert.equal(exported(host), ["r/onnx/decoder.onnx", "r/onnx/encoder.onnx"]);
  assert.is(result.encoder.file, "r/onnx/encoder.onnx");
  assert.equal(result.decoder.inputs, [{ name: "latent", type: "float32", shape: ["batch", 3] }]);
  const { metadata } = readOnnx(host.files.get("r/onnx/decoder.onnx")!);
  const { settings, ...others } = metadata;
  assert.equal(others, { model: "vae", data: "glyphs", checkpoint: "best", epoch: "1", step: "4" });
  assert.is(JSON.parse(settings!).latent, 3);
  const before = host.files.get("r/onnx/encoder.onnx");
  await exportRun("r", { checkpoint: "best", out: "d" }, host);
  assert.equal(host.files.get("d/encoder.onnx"), before);

  host.failOn = "decoder.onnx";
  for (const out of ["d", undefined]) {
    const error = await exportRun("r", { out }, host).catch((reason) => reason);
    assert.instance(error, IoError);
  }
  assert.equal(exported(host), ["d/decoder.onnx", "r/onnx/decoder.onnx"]);
});

test.run();
