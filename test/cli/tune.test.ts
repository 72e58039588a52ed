/** The command `tune` around a tuner that measures nothing. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Actions } from "../../src/cli/actions.ts";
import { runCommand } from "../../src/cli/program.ts";
import { IoError } from "../../src/gpu/errors.ts";
import { Interruption } from "../../src/host/interruption.ts";
import { models } from "../../src/models/registry.ts";
import type { TuneModelsReport } from "../../src/tune/tune-models.ts";
import { unusedActions } from "../support/actions.ts";
import { MemoryHost } from "../support/memory-host.ts";

const test = suite("tune");

const report: TuneModelsReport = {
  adapter: "an adapter",
  runtime: "node",
  known: [{ kernel: "matmul", shape: "4×5×6", variant: "registers 4x8" }],
  tuned: [
    {
      kernel: "matmul",
      shape: "1×2×3",
      candidates: ["registers 4x4", "registers 8x8", "tiled 64x64"],
      heuristic: "registers 4x4",
      winner: "registers 8x8",
      ms: { "registers 4x4": 3, "registers 8x8": 2 },
      refused: { "tiled 64x64": "a reason" },
    },
  ],
  skipped: [{ kernel: "conv2d", shape: "large", reason: "the time was up" }],
  choices: { "matmul 1×2×3": "registers 8x8" },
  path: "/cache/variants/a.json",
};

/** Runs a command line given as one string. */
async function cli(line: string, tune: Actions["tune"], interruption?: Interruption) {
  const host = new MemoryHost();
  const actions: Actions = { ...unusedActions, models, tune };
  const status = await runCommand(line.split(" "), host, actions, interruption);
  return { status, out: host.out, err: host.err };
}

const text = `adapter  an adapter (node)
matmul 1×2×3  registers 8x8, 1.50 times as fast as registers 4x4; refused: tiled 64x64
conv2d large  not measured: the time was up
1 of 3 kernels were measured before; --again measures them, too
1 of 1 kernels have a faster variant now: /cache/variants/a.json
`;

test("prints a line a kernel, and where the winners are", async () => {
  assert.equal(await cli("tune", async () => report), { status: 0, out: text, err: "" });
  const { out } = await cli("tune --json", async () => report);
  assert.equal(JSON.parse(out), report);
});

test("asks for what the options say", async () => {
  const asked: unknown[] = [];
  const tune: Actions["tune"] = async ({ entries, ...wanted }) => {
    asked.push([entries.map(({ name }) => name), wanted]);
    return { ...report, known: [] };
  };
  const { out } = await cli("tune", tune);
  assert.not.match(out, /before/);
  await cli("tune aae --seconds 60 --memory 3 --batch 4 --set latent=2 --again", tune);
  const usual = { settings: {}, batch: 128, seconds: 600, bytes: 2 ** 29, again: undefined };
  const other = { settings: { latent: "2" }, batch: 4, seconds: 60, bytes: 3 * 2 ** 20 };
  assert.equal(asked, [
    [["vae"], usual],
    [["aae"], { ...other, again: true }],
  ]);
});

test("a cache that cannot be written costs no more than the table", async () => {
  const unsaved = new IoError("/cache/variants/a.json: no space left");
  const tune = async () => ({ ...report, unsaved });
  const err = "latentgrad: /cache/variants/a.json: no space left\n";
  assert.equal(await cli("tune", tune), { status: 7, out: text, err });
  const { status, out } = await cli("tune --json", tune);
  assert.is(status, 7);
  assert.equal(JSON.parse(out), report);
});

test("an interruption is the tuner's to attend to, and ends in 130", async () => {
  const interruption = new Interruption();
  const tune: Actions["tune"] = async (_wanted, _host, _log, given) => {
    throw given?.error("a.json holds what was found of 2 kernels");
  };
  const { status, out, err } = await cli("tune", tune, interruption);
  assert.is(status, 130);
  assert.is(out, "");
  assert.is(err, "latentgrad: interrupted; a.json holds what was found of 2 kernels\n");
});

test.run();
