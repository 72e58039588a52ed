/** PyTorch itself against latentgrad: the same step, the same product. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { difference, LOSS_TOLERANCE, lossDifference } from "../../bench/peers/agreement.ts";
import { noise, normals } from "../../bench/peers/data.ts";
import { latentgradStep } from "../../bench/peers/latentgrad-step.ts";
import { findPython } from "../../bench/peers/python.ts";
import { startRunner } from "../../bench/peers/runners.ts";
import { OPERAND_STREAMS } from "../../bench/peers/tasks.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { skip } from "../support/skip.ts";

const test = suite("PyTorch against latentgrad");

const file = "bench/peers/torch_side.py";

test("its steps have the losses of ours, its products the results", async () => {
  const found = await findPython(["torch"]);
  if (found.command === undefined) return skip(`PyTorch is not here: ${found.reason}`);
  const runner = await startRunner("deno", { name: "torch-cpu", file, python: found.command });
  const device = await openDevice();
  try {
    const { about = "" } = await runner.ask({ ask: "open" });
    assert.match(about, /^PyTorch [\d.]+\S*, \d+ threads, .+/);
    for (const network of ["dense", "conv"] as const) {
      const task = { kind: "step", network, batch: 2 } as const;
      const ours = await latentgradStep(device, task);
      assert.is((await runner.ask({ ask: "prepare", task })).able, true);
      const losses: [number[], number[]] = [[], []];
      for (let n = 1; n <= 3; n++) {
        losses[0].push(await ours.step(n, noise(2, n)));
        losses[1].push((await runner.ask({ ask: "step", step: n })).loss);
      }
      const off = lossDifference(...losses);
      assert.ok(off < LOSS_TOLERANCE / 10, `${network}: ${off}, ${losses}`);
    }
    const task = { kind: "matmul", m: 2, k: 3, n: 4 } as const;
    assert.is((await runner.ask({ ask: "prepare", task })).able, true);
    const { values } = await runner.ask({ ask: "read" });
    const read = new Float32Array(new Uint8Array(Buffer.from(values, "base64")).buffer);
    const [a, b] = [
      normals(OPERAND_STREAMS.first, [2, 3]),
      normals(OPERAND_STREAMS.second, [3, 4]),
    ];
    const at = (of: Float32Array, i: number) => of[i] as number;
    const product = Float32Array.from({ length: 8 }, (_, i) =>
      [0, 1, 2].reduce((sum, k) => sum + at(a, 3 * (i >> 2) + k) * at(b, 4 * k + (i & 3)), 0),
    );
    assert.ok(difference(product, read) < 1e-6, `${read}`);
    assert.ok((await runner.ask({ ask: "calls", count: 3 })).ms > 0);
  } finally {
    await runner.close();
    device.close();
  }
});

test.run();
