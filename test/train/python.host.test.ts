/** The documented script reads a checkpoint with NumPy and decodes what the engine decodes. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openDevice } from "../../src/gpu/open.ts";
import { Vae } from "../../src/models/vae.ts";
import { HostRandom } from "../../src/nn/initialisers.ts";
import { tensor } from "../../src/tensor/create.ts";
import { saveModel } from "../../src/train/model-file.ts";
import { skip } from "../support/skip.ts";

const test = suite("checkpoints in Python");
const run = promisify(execFile);

async function pythonWithNumpy(): Promise<string | undefined> {
  for (const name of ["python3", "python"]) {
    try {
      await run(name, ["-c", "import numpy"]);
      return name;
    } catch {
      // not installed, or without NumPy
    }
  }
  return undefined;
}

test("docs/examples/decode.py gives the decoder's pixels", async () => {
  const python = await pythonWithNumpy();
  if (!python) return skip("no Python with NumPy");
  const device = await openDevice();
  const folder = mkdtempSync(join(tmpdir(), "latentgrad-python-"));
  try {
    const image = { height: 28, width: 28, channels: 1 };
    const options = { network: "conv", latent: 2, beta: 1, width: 0.25 } as const;
    const vae = new Vae(device, new HostRandom(1), image, options);
    const file = join(folder, "last.safetensors");
    writeFileSync(file, await saveModel({ model: vae }, {}));
    const z = [30, -50]; // far out: untrained weights answer little to small codes
    const pixels = await vae.decode(tensor(device, [z])).data();
    const { stdout } = await run(python, ["docs/examples/decode.py", file, ...z.map(String)]);
    const rows = JSON.parse(stdout) as number[][];
    assert.equal([rows.length, rows[0]?.length], [28, 28]);
    for (const [i, value] of rows.flat().entries())
      assert.ok(Math.abs(value - pixels[i]!) < 1e-5, `pixel ${i}: ${value} and ${pixels[i]}`);
    assert.ok(Math.max(...pixels) - Math.min(...pixels) > 0.01, "the image is not flat");
  } finally {
    device.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
