/** PyTorch as a side of the comparison: where it runs, what it is handed, what it answers. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { images, initialParameters, noise } from "../../bench/peers/data.ts";
import { ProcessRunner } from "../../bench/peers/process-runner.ts";
import type { Ask, Runner } from "../../bench/peers/protocol.ts";
import { findPython } from "../../bench/peers/python.ts";
import type { StepTask } from "../../bench/peers/tasks.ts";
import { type SentTensor, taskData } from "../../bench/peers/torch-data.ts";
import { TorchRunner } from "../../bench/peers/torch-runner.ts";
import { skip } from "../support/skip.ts";

const test = suite("PyTorch's side");

const file = "bench/peers/torch_side.py";
const temporary = mkdtempSync(join(tmpdir(), "latentgrad-torch-"));
test.after(() => rmSync(temporary, { recursive: true, force: true }));

const floats = ({ values }: SentTensor) =>
  new Float32Array(new Uint8Array(Buffer.from(values, "base64")).buffer);

const step = (network: "conv" | "dense", batch: number): StepTask => ({
  ...{ kind: "step", network, batch },
});

test("an interpreter is taken that has the modules; else it is said which have not", async () => {
  const none = "/no/such/python";
  // Node takes no `-c` of Python's words: an interpreter without the modules.
  const { execPath } = process;
  assert.equal(await findPython(["torch"], [none]), { reason: `there is no ${none}` });
  assert.equal(await findPython(["a", "b"], [none, execPath]), {
    reason: `no a and b for ${execPath}`,
  });
  const found = await findPython(["json"]);
  if (found.command === undefined) return skip(`no Python: ${found.reason}`);
  const { command } = found;
  assert.equal(await findPython(["json", "re"], [none, execPath, command]), { command });
  assert.equal(await findPython(["json", "latentgrad_has_no_such"], [command]), {
    reason: `no json and latentgrad_has_no_such for ${command}`,
  });
});

test("it is handed the numbers of all engines: with the task, and noise with each step", async () => {
  const asked: Record<string, unknown>[] = [];
  const fake: Runner = {
    async ask(question: Ask): Promise<never> {
      asked.push(question as unknown as Record<string, unknown>);
      return {} as never;
    },
    async close() {},
  };
  const runner = new TorchRunner(fake);
  await runner.ask({ ask: "open" });
  await runner.ask({ ask: "prepare", task: step("dense", 3) });
  await runner.ask({ ask: "step", step: 2 });
  await runner.ask({ ask: "prepare", task: { kind: "matmul", m: 2, k: 3, n: 4 } });
  const [open, prepared, stepped, product] = asked;
  assert.equal(open, { ask: "open" });
  const tensors = prepared?.tensors as Record<string, SentTensor>;
  const names = initialParameters("dense").map(({ name }) => name);
  assert.equal(Object.keys(tensors), [...names, "images"]);
  assert.equal(tensors["decoder.2.weight"]?.shape, [784, 400]);
  assert.equal(floats(tensors.images as SentTensor), images(3));
  const { noise: given } = stepped as { noise: SentTensor };
  assert.equal(given.shape, [3, 2]);
  assert.equal(floats(given), noise(3, 2));
  const operands = product?.tensors as Record<string, SentTensor>;
  assert.equal([operands.first?.shape, operands.second?.shape], [[2, 3], [3, 4]]); // biome-ignore format: two shapes
});

test("turned images and kernels meet PyTorch's padding as ours meet `same`", () => {
  const { tensors } = taskData(step("conv", 2));
  const { values: w } = initialParameters("conv")[0] as { values: Float32Array };
  const [x, theirX, theirW] = [
    images(2),
    floats(tensors.images as SentTensor),
    floats(tensors["encoder.0.weight"] as SentTensor),
  ];
  const pixel = (of: Float32Array, b: number, i: number, j: number) =>
    i < 0 || i > 27 || j < 0 || j > 27 ? 0 : (of[(b * 28 + i) * 28 + j] as number);
  for (const [b, i, j, o] of [
    [0, 0, 0, 0],
    [1, 13, 13, 5],
    [1, 0, 13, 31],
    [0, 6, 2, 9],
  ] as const) {
    let [ours, theirs] = [0, 0];
    for (let tap = 0; tap < 9; tap++) {
      const [ky, kx] = [Math.floor(tap / 3), tap % 3];
      ours += pixel(x, b, 2 * i + ky, 2 * j + kx) * (w[tap * 32 + o] as number);
      const [down, across] = [2 * (13 - i) + ky - 1, 2 * (13 - j) + kx - 1];
      theirs += pixel(theirX, b, down, across) * (theirW[o * 9 + tap] as number);
    }
    assert.ok(Math.abs(ours - theirs) < 1e-5, `${[b, i, j, o]}: ${ours}, ${theirs}`);
    assert.ok(Math.abs(ours) > 1e-3);
  }
});

/** Runs a program in any Python, with the folder of the side on its path. */
async function python(code: string): Promise<string | undefined> {
  const { command } = await findPython([]);
  if (command === undefined) return undefined;
  const env = { ...process.env, PYTHONPATH: "bench/peers", PYTHONDONTWRITEBYTECODE: "1" };
  return (await promisify(execFile)(command, ["-c", code], { env })).stdout.trim();
}

test("the BLAS is called by its name, and a slow one by what it lacks", async () => {
  const lib = "/usr/lib/x86_64-linux-gnu";
  const cases: [paths: string[], config: string, name: string][] = [
    [[`${lib}/openblas-openmp/libblas.so.3`, `${lib}/libc.so.6`], "", "OpenBLAS (openmp)"],
    [["/torch/lib/libopenblas.so.0"], "", "OpenBLAS"],
    [[`${lib}/blas/libblas.so.3.11.0`], "", "reference BLAS"],
    [["/usr/lib64/libflexiblas.so.3"], "", "flexiblas"],
    [[`${lib}/libc.so.6`], " BLAS_INFO=accelerate,", "accelerate BLAS"],
    [[], "", "unknown BLAS"],
  ];
  const code = `import json, torch_side
for paths, config, _ in json.loads(${JSON.stringify(JSON.stringify(cases))}):
    print(torch_side.name_of_blas(paths, config).split(",")[0])`;
  const printed = await python(code);
  if (printed === undefined) return skip("no Python");
  assert.equal(
    printed.split("\n"),
    cases.map(([, , name]) => name),
  );
});

test("a PyTorch that does not load fails the question, with Python's words", async () => {
  const { command } = await findPython([]);
  if (command === undefined) return skip("no Python");
  mkdirSync(join(temporary, "torch"));
  writeFileSync(join(temporary, "torch/__init__.py"), 'raise ImportError("no libtorch_cpu.so")');
  const env = { ...process.env, PYTHONPATH: temporary, PYTHONDONTWRITEBYTECODE: "1" };
  const runner = new ProcessRunner("torch-cpu", { command, args: [file], env });
  try {
    const opened = await runner.ask({ ask: "open" }).catch((error: Error) => error);
    assert.match((opened as Error).message, /^torch-cpu: Traceback [\s\S]*no libtorch_cpu\.so/);
  } finally {
    await runner.close();
  }
});

test.run();
