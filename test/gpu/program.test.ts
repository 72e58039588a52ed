import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add, div, exp, mul, sub } from "../../src/autograd/ops/elementwise.ts";
import type { Device } from "../../src/gpu/device.ts";
import { GpuValidationError, NonFiniteError, UsageError } from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { ones, tensor, variable, zeros } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { emptyResult, type Tensor } from "../../src/tensor/tensor.ts";
import { countCreates } from "../support/count-creates.ts";
import { testDevice } from "../support/device.ts";
import { assign, list, opaque, scale } from "../support/hand-ops.ts";
import { handCall } from "../support/kernels.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("record and replay");

let device: Device;
test.before(async () => {
  device = await testDevice();
});

function weights(numbers: readonly number[], label = "w"): Tensor {
  return variable(device, Float32Array.from(numbers), [numbers.length], label);
}

test("a replay computes anew from what the variables hold", async () => {
  const x = weights([1, 2, 3]);
  const { program, result } = await record(device, () => add(mul(x, 2), 1));
  program.run();
  assert.equal(await list(result), [3, 5, 7]);
  x.set(Float32Array.of(10, 20, 30));
  assert.equal(await list(result), [3, 5, 7], "nothing is computed before the next run");
  program.run();
  assert.equal(await list(result), [21, 41, 61]);
  program.release();
});

test("recording computes nothing, and what nobody uses is not run", async () => {
  const x = weights([1, 2]);
  const before = device.dispatches;
  const { program, result } = await record(device, () => {
    const y = opaque(x);
    opaque(opaque(y, 5), 7); // for nobody
    return y;
  });
  assert.is(device.dispatches, before);
  assert.is(program.statistics.dispatches, 1);
  program.run();
  assert.equal(await list(result), [2, 3]);
  program.release();
});

test("variables change in the order of the ops", async () => {
  const v = weights([1, 2, 3]);
  const { program, result } = await record(device, () => {
    const before = mul(v, 10); // must not see the update, though it is read after it
    scale(v, 2);
    const between = add(v, 0.5);
    scale(v, 3);
    const sum = add(before, between);
    assign(v, [sub(sum, 1), 0]);
    return { before, sum, last: mul(v, 1) };
  });
  program.run();
  assert.equal(await list(result.before), [10, 20, 30]);
  assert.equal(await list(result.sum), [12.5, 24.5, 36.5]);
  assert.equal(await list(v), [11.5, 23.5, 35.5]);
  assert.equal(await list(result.last), [11.5, 23.5, 35.5]);
  program.run();
  assert.equal(await list(result.before), [115, 235, 355]);
  assert.equal(await list(v), [115 + 23.5 - 1, 235 + 47.5 - 1, 355 + 71.5 - 1]);
  program.release();
});

test("results may be variables, constants, zero-sized, or the same tensor twice", async () => {
  const x = weights([1, 2]);
  const { program, result } = await record(device, () => {
    const y = mul(x, 2);
    return { x, y, again: [y, y], nothing: zeros(device, [0, 3]), full: ones(device, [2]) };
  });
  program.run();
  assert.equal(await list(result.x), [1, 2]);
  assert.equal(await list(result.again[1]!), [2, 4]);
  assert.equal(await list(result.nothing), []);
  assert.equal(await list(result.full), [1, 1]);
  program.release();
});

test("programs are recorded one after another, and one may read another's results", async () => {
  const x = weights([1, 2]);
  const first = await record(device, () => mul(x, 3));
  const second = await record(device, () => add(first.result, 1));
  first.program.run();
  second.program.run();
  assert.equal(await list(second.result), [4, 7]);
  assert.equal(await list(add(first.result, second.result)), [7, 13]);
  first.program.release();
  await rejects(() => second.program.run(), GpuValidationError, /was released or moved/);
  second.program.release();
});

test("recordings do not nest, and take no asynchronous body", async () => {
  const x = weights([1]);
  await rejects(
    () => record(device, () => record(device, () => mul(x, 2))),
    GpuValidationError,
    /^record: a recording is already at work$/,
  );
  await rejects(
    () => record(device, async () => mul(x, 2)),
    UsageError,
    /^record: body is asynchronous, wanted a function that is done when it returns: await before, read /,
  );
  const { program } = await record(device, () => mul(x, 2));
  await rejects(
    () => record(device, () => program.run()),
    GpuValidationError,
    /cannot run while another is being recorded/,
  );
  program.release();
  assert.is(device.sink, undefined);
});

test("a released program, or one whose variables went away, does not run", async () => {
  const x = weights([1, 2], "encoder.weight");
  const { program } = await record(device, () => mul(x, 2));
  device.release(x.value);
  await rejects(() => program.run(), GpuValidationError, /^replay: encoder.weight was released/);
  program.release();
  await rejects(() => program.run(), GpuValidationError, /^replay: the program was released$/);
  await rejects(() => program.runEager(), GpuValidationError, /released/);
  await rejects(() => program.profile(), GpuValidationError, /released/);
  const y = weights(new Array(64).fill(1), "decoder.weight");
  const moved = await record(device, () => mul(y, 2));
  device.rehome(y.value, weights(new Array(128).fill(2), "arena").value, 256);
  await rejects(() => moved.program.run(), GpuValidationError, /decoder.weight was .* moved/);
  moved.program.release();
});

test("what the body throws comes through, and the device can go on", async () => {
  const x = weights([1, 2]);
  await rejects(
    () =>
      record(device, () => {
        mul(x, 2);
        throw new RangeError("on purpose");
      }),
    RangeError,
    /^on purpose$/,
  );
  assert.equal(await list(mul(x, 2)), [2, 4]);
});

test("a replay makes no buffer, no bind group and no pipeline, uploads nothing, and submits once", async () => {
  const own = await openDevice();
  const x = variable(own, new Float32Array(300).fill(1), [300], "x");
  const { program, result } = await record(own, () => {
    const shift = tensor(own, new Float32Array(300).fill(2));
    const y = exp(add(mul(x, 0.5), shift));
    return div(y, add(y, 1));
  });
  program.run();
  await own.finish();
  const counts = countCreates(own);
  const submits = own.submits;
  for (let i = 0; i < 10; i++) program.run();
  assert.equal(counts, {
    submits: 10,
    uploads: 0,
    createBuffer: 0,
    createBindGroup: 0,
    createBindGroupLayout: 0,
    createPipelineLayout: 0,
    createShaderModule: 0,
    createComputePipeline: 0,
    createComputePipelineAsync: 0,
    createQuerySet: 0,
  });
  assert.is(own.submits - submits, 10);
  await result.data();
  assert.is(counts.createBuffer, 1, "the read-back's");
  own.close();
});

test("a recording's kernels are compiled side by side, each text once", async () => {
  const own = await openDevice();
  const counts = countCreates(own);
  let [running, most] = [0, 0];
  const compile = own.gpu.createComputePipelineAsync;
  const value = async (descriptor: GPUComputePipelineDescriptor) => {
    most = Math.max(most, ++running);
    const pipeline = await compile(descriptor);
    running--;
    return pipeline;
  };
  Object.defineProperty(own.gpu, "createComputePipelineAsync", { value });
  const x = variable(own, new Float32Array(64), [64], "x");
  const kernel = (input: Tensor, n: number): Tensor => {
    const out = emptyResult(own, "kernel", [64]);
    const body = `out0[i] = in0[i] + ${n}.0;`;
    own.emit(handCall({ op: "kernel", inputs: [input.value], outputs: [out.value], body }));
    return out;
  };
  const { program, result } = await record(own, () => {
    let y = x;
    for (let i = 0; i < 12; i++) y = kernel(y, i % 6);
    return y;
  });
  assert.is(counts.createComputePipelineAsync, 6);
  assert.is(counts.createComputePipeline, 0);
  assert.is(most, 6);
  program.run();
  assert.is((await result.data())[0], 30);
  await record(own, () => kernel(kernel(x, 1), 2));
  assert.is(counts.createComputePipelineAsync, 6, "compiled before");
  own.close();
});

test("a long step is split into several submits", async () => {
  const x = variable(device, new Float32Array(64).fill(1), [64], "x");
  const { program, result } = await record(device, () => {
    let y = x;
    for (let i = 0; i < 5; i++) {
      const out = emptyResult(device, "heavy", [64]);
      const call = handCall({
        op: "heavy",
        inputs: [y.value],
        outputs: [out.value],
        body: "out0[i] = in0[i] + 1.0;",
      });
      device.emit({ ...call, kernel: () => ({ ...call.kernel(), flops: 1e13 }) });
      y = out;
    }
    return y;
  });
  assert.is(program.statistics.submits, 5);
  const before = device.submits;
  program.run();
  assert.is(device.submits - before, 5);
  assert.is((await result.data())[63], 6);
  program.release();
});

test("runEager gives the same bits with buffers of its own", async () => {
  const x = variable(
    device,
    Float32Array.from({ length: 777 }, (_, i) => i / 100),
    [777],
    "x",
  );
  const { program, result } = await record(device, () => {
    const y = exp(mul(x, 0.3));
    const z = opaque(add(y, 1));
    return { y, z: div(z, y) };
  });
  program.run();
  const replayed = [await list(result.y), await list(result.z)];
  program.runEager();
  assert.equal([await list(result.y), await list(result.z)], replayed);
  program.run();
  assert.equal([await list(result.y), await list(result.z)], replayed);
  program.release();
});

test("diagnose names the first op whose result is not finite", async () => {
  const x = weights([1, 2], "images");
  const { program } = await record(device, () => {
    const y = opaque(x);
    const z = exp(mul(y, 1000)); // beyond the largest float
    return opaque(add(z, 1));
  });
  const error = await rejects(
    () => program.diagnose(17),
    NonFiniteError,
    /^\w+ at step 17: the result holds NaN or infinite values$/,
  );
  assert.is((error as NonFiniteError).op, "add", "mul and exp are fused into it");
  assert.is((error as NonFiniteError).step, 17);
  program.release();
  const fine = await record(device, () => opaque(x));
  await fine.program.diagnose();
  x.set(Float32Array.of(1, Number.NaN));
  await rejects(
    () => fine.program.diagnose(),
    NonFiniteError,
    /^opaque: the result holds NaN or infinite values; images held such values before$/,
  );
  fine.program.release();
});

test.run();
