/** What stands in the place of an argument by mistake is named, with what is wanted there, by every export. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Device } from "../../src/gpu/device.ts";
import { LatentgradError } from "../../src/gpu/errors.ts";
import { testDevice } from "../support/device.ts";
import {
  type ArgumentCall,
  argumentCalls,
  isError,
  type Kind,
  notCalled,
  strangers,
} from "../support/export-arguments.ts";
import * as library from "../support/library.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("arguments of all exports");

let device: Device;
let calls: [string, ArgumentCall][];
test.before(async () => {
  device = await testDevice();
  calls = Object.entries(argumentCalls(device));
  await device.finish();
});

const right = ({ takes }: ArgumentCall) => Object.values(takes).map((argument) => argument.right);

test("every export is known, with all its parameters, and its call is right", async () => {
  const errors = Object.entries(library).flatMap(([name, x]) => (isError(x) ? [name] : []));
  const exported = calls.map(([name]) => name).filter((name) => !name.includes("."));
  const known = [...exported, ...errors, ...notCalled];
  assert.equal(known.sort(), Object.keys(library).sort());
  for (const [name, call] of calls) {
    const count = Object.keys(call.takes).length;
    assert.ok(count >= call.least, `${name} has ${call.least} parameters, ${count} are known`);
    if (call.computes) continue;
    device.sink = { part: undefined, add: () => undefined };
    try {
      await call.run(...right(call));
    } catch (error) {
      throw new Error(`${name}: ${error}`);
    } finally {
      device.sink = undefined;
    }
  }
});

test("what is wrong is named by each, before anything runs", async () => {
  await device.finish();
  const { dispatches, submits } = device;
  const missed: string[] = [];
  let tried = 0;
  for (const [exported, call] of calls)
    for (const [i, [argument, { takes }]] of Object.entries(call.takes).entries())
      for (const [kind, stranger] of Object.entries(strangers)) {
        if (takes.includes(kind as Kind)) continue;
        tried++;
        const given = right(call);
        given[i] = stranger;
        const help = kind === "promise" ? ".*: await it" : "";
        // Options that do not fit are named themselves.
        const name = argument === "axes" ? "ax[ei]s" : argument;
        const named = kind === "object" || kind === "map" ? `(${name}|the option)` : name;
        const pattern = new RegExp(`^${call.op}: (.*[^\\w])?${named}\\b${help}`);
        await rejects(() => call.run(...given), LatentgradError, pattern).catch((error: Error) => {
          missed.push(`${exported}, ${argument}, ${kind}: ${error.message.slice(0, 200)}`);
        });
      }
  assert.equal(missed, []);
  assert.ok(tried > 2000, `${tried} wrong arguments`);
  assert.equal([device.dispatches, device.submits], [dispatches, submits]);
});

test("asynchronous functions are refused where what they do is needed at once", async () => {
  const x = library.ones(device, [2, 2]);
  const later = async () => x;
  const forward = (m: library.Module) => () => m.forward(x);
  const op = (more: object) => () => {
    const twice = library.defineOp({
      name: "twice",
      wgsl: `@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main() { y[0] = 2 * x[0]; }`,
      shape: (shape: readonly number[]) => shape,
      workgroups: () => 1,
      ...more,
    } as unknown as library.OpDefinition);
    const w = library.track(x);
    return library.grad(twice(w), [w], { dy: x });
  };
  const at = { seed: [1, 0], step: library.tensor(device, Uint32Array.of(1)), stream: 0 } as const;
  const any = later as unknown as () => never;
  const kernel = {
    ...{ kernel: "k", shape: "s", candidates: ["plain"], reference: "plain" },
    ...{ operands: [], result: 1, calls: () => [] },
  };
  const random = new library.HostRandom(1);
  const refused: [string, string, () => unknown][] = [
    ["record", "body", () => library.record(device, later)],
    ["scope", "body", () => library.scope(device, later)],
    ["noGrad", "body", () => library.noGrad(later)],
    ["checkGradients", "fn", () => library.checkGradients(any, [x])],
    ["gradientPenalty", "critic", () => library.gradientPenalty(any, x, x, at)],
    ["gradientNormPenalty", "critic", () => library.gradientNormPenalty(any, x)],
    ["lambda", "fn", forward(new library.Lambda(any))],
    [
      "linear",
      "options.initialiser",
      () => new library.Linear(device, random, 2, 2, { initialiser: any }),
    ],
    [
      "conv",
      "options.initialiser",
      () => new library.Conv2d(device, random, 1, 1, 1, { initialiser: any }),
    ],
    [
      "tune",
      "options.stop",
      () => library.tune(device, [kernel], { seconds: 9, bytes: 9, stop: any }),
    ],
    ["twice", "shape", op({ shape: later })],
    ["twice", "workgroups", op({ workgroups: later })],
    ["twice", "constants", op({ constants: later })],
    ["twice", "flops", op({ flops: later })],
    ["twice", "derivatives[0]", op({ derivatives: [later] })],
  ];
  for (const [name, argument, run] of refused)
    await rejects(
      run,
      library.UsageError,
      new RegExp(
        `^${name}: ${argument.replace(/[[\].]/g, "\\$&")} is asynchronous, wanted a function that `,
      ),
    ).catch((error: Error) => {
      throw new Error(`${name} ${argument}: ${error.message}`);
    });
  // What becomes of the promise that nobody waits for ends no process.
  await rejects(
    () =>
      library.record(device, async () => {
        await Promise.resolve();
        throw new Error("later");
      }),
    library.UsageError,
    /^record: body is asynchronous/,
  );
  await new Promise((resolve) => setTimeout(resolve));
  await device.finish();
});

test.run();
