/** Weights that another program wrote: what they need, and what is said of those that will not do. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  readSafetensors,
  type SafetensorsTensor,
  writeSafetensors,
} from "../../src/formats/safetensors.ts";
import { CheckpointError } from "../../src/gpu/errors.ts";
import { withRun } from "../../src/train/open-run.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { rejects } from "../support/rejects.ts";
import { trainInMemory } from "../support/training.ts";

const test = suite("weights of other writers");

const host = new MemoryHost();
const folder = "r/checkpoints";
let weights: ReadonlyMap<string, SafetensorsTensor>;

test.before(async () => {
  await trainInMemory(host, { epochs: "1" });
  const { tensors } = await readSafetensors(host.files.get(`${folder}/best.safetensors`)!, "best");
  weights = new Map([...tensors].filter(([name]) => !name.startsWith("optimiser.")));
});

/** Opens the run with these weights; their bias at the decoder's end. */
async function open(
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  metadata: Record<string, string>,
  edit: (file: Uint8Array) => Uint8Array = (file) => file,
): Promise<Float32Array> {
  host.put(`${folder}/other.safetensors`, edit(await writeSafetensors(tensors, metadata)));
  return withRun("r", { checkpoint: "other" }, host, async ({ model }) => {
    const found = model.parameters().find(({ name }) => name === "decoder.0.weight");
    return (await found!.tensor.data()) as Float32Array;
  });
}

/** The file without hashes, in which the values of one tensor have another element type. */
function retyped(file: Uint8Array, name: string, dtype: string): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = view.getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  for (const key of Object.keys(header.__metadata__))
    if (key.endsWith("_sha256")) delete header.__metadata__[key];
  header[name].dtype = dtype;
  if (dtype.endsWith("64")) header[name].shape = [header[name].shape[0] / 2];
  const text = new TextEncoder().encode(JSON.stringify(header));
  const out = new Uint8Array(8 + text.length + file.length - 8 - length);
  new DataView(out.buffer).setUint32(0, text.length, true);
  out.set(text, 8);
  out.set(file.subarray(8 + length), 8 + text.length);
  return out;
}

test("the name of the model is all that the metadata need", async () => {
  const own = weights.get("decoder.0.weight")!;
  const found = await open(weights, { model: "vae" });
  assert.equal([...found].sort(), [...(own.data as Float32Array)].sort());
  await rejects(
    () => open(weights, { format: "pt" }),
    CheckpointError,
    /its metadata name no model, expected \{"model": "vae"\}/,
  );
  await rejects(
    () => open(weights, { model: "vae", image: '{"height":9,"width":9,"channels":1}' }),
    CheckpointError,
    /its image is .*9.*, that of the run is/,
  );
});

test("other tensors are ignored, whatever their type", async () => {
  const extra: SafetensorsTensor = { dtype: "F32", shape: [2], data: Float32Array.of(1, 2) };
  for (const dtype of ["F32", "I64", "F64", "BOOL9"]) {
    const more = new Map([...weights, ["bn.num_batches_tracked", extra]]);
    await open(more, { model: "vae" }, (file) => retyped(file, "bn.num_batches_tracked", dtype));
  }
});

test("what the model needs has to be F32", async () => {
  await rejects(
    () => open(weights, { model: "vae" }, (file) => retyped(file, "head.bias", "F64")),
    CheckpointError,
    /head\.bias is F64 \[2\], the model has F32 \[4\]/,
  );
});

test("names with a wrapper's prefix are named, with the cure", async () => {
  for (const [prefix, pattern] of [
    [
      "module.",
      /there is no \S+, but there is "module\.\S+: .* of DataParallel; save model\.module/,
    ],
    ["_orig_mod.", /of torch\.compile; save model\._orig_mod\.state_dict/],
    ["vae.", /but there is "vae\.\S+": the names have the prefix of something around the model/],
  ] as const) {
    const named = new Map([...weights].map(([name, tensor]) => [prefix + name, tensor]));
    await rejects(() => open(named, { model: "vae" }), CheckpointError, pattern);
  }
  await rejects(
    () => open(new Map(), { model: "vae" }),
    CheckpointError,
    /there is no \S+; is it of another model\?/,
  );
});

test.run();
