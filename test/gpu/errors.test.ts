import { suite } from "uvu";
import * as assert from "uvu/assert";
import { add, exp, mul } from "../../src/autograd/ops/elementwise.ts";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import type { Device } from "../../src/gpu/device.ts";
import {
  DTypeError,
  GpuValidationError,
  OutOfMemoryError,
  ShapeError,
} from "../../src/gpu/errors.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { Value } from "../../src/gpu/value.ts";
import { bytes, ones, tensor, variable, zeros } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import { emptyResult, type Tensor } from "../../src/tensor/tensor.ts";
import { testDevice } from "../support/device.ts";
import { handCall } from "../support/kernels.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("errors");

/** A tensor computed by a kernel with the given body. */
function compute(device: Device, op: string, body: string, inputs: readonly Tensor[]): Tensor {
  const out = emptyResult(device, op, [64]);
  device.emit(handCall({ op, inputs: inputs.map((t) => t.value), outputs: [out.value], body }));
  return out;
}

test("shapes that do not fit are refused before anything is dispatched", async () => {
  const device = await testDevice();
  const [a, b] = [ones(device, [2, 3]), ones(device, [4, 3])];
  const before = device.dispatches;
  const error = await rejects(
    () => add(a, b),
    ShapeError,
    /^add: \[2, 3\] and \[4, 3\] do not broadcast$/,
  );
  assert.is((error as ShapeError).op, "add");
  await rejects(() => matmul(a, b), ShapeError, /^matmul: .*\[2, 3\].*\[4, 3\]/);
  await rejects(
    () => add(bytes(device, Uint8Array.of(1, 2), [2]) as never, a),
    DTypeError,
    /^add: a holds u8, wanted f32 or u32: bytes must be gathered/,
  );
  assert.is(device.dispatches, before);
  // The same while recording.
  await rejects(() => record(device, () => add(a, b)), ShapeError, /^add: /);
});

test("a shader that does not compile is an error of its op, eager or recorded", async () => {
  const device = await testDevice();
  const x = ones(device, [64]);
  await device.finish(); // WebGPU drops a whole submit when one of its kernels is no good
  const broken = () => compute(device, "wobble", "out0[i] = in0[i] + nonsense;", [x]);
  const pattern = /^wobble: kernel "wobble kernel" does not compile: .*nonsense/;
  const y = mul(broken(), 2);
  const error = await rejects(() => y.data(), GpuValidationError, pattern);
  assert.is((error as GpuValidationError).op, "wobble");
  // What was computed from it never passes for data, nor does a second attempt.
  await rejects(() => y.data(), GpuValidationError, pattern);
  await rejects(() => broken().data(), GpuValidationError, pattern);
  await rejects(() => record(device, () => mul(broken(), 2)), GpuValidationError, pattern);
  // Nothing of it sticks to what comes later.
  assert.equal([...(await add(x, 1).data())], new Array(64).fill(2));
  const { program, result } = await record(device, () => add(x, 2));
  program.run();
  assert.equal([...(await result.data())], new Array(64).fill(3));
});

test("bindings that do not fit the shader are an error of the op", async () => {
  const device = await testDevice();
  const x = ones(device, [64]);
  const make = () => {
    const out = emptyResult(device, "misfit", [64]);
    const call = handCall({
      op: "misfit",
      inputs: [x.value],
      outputs: [out.value],
      body: "out0[i] = in0[i];",
    });
    device.emit({
      ...call,
      kernel: () => {
        const source = call.kernel();
        return { ...source, code: source.code.replace("@binding(1)", "@binding(5)") };
      },
    });
    return out;
  };
  await rejects(() => make().data(), GpuValidationError, /^misfit: /);
  await rejects(() => record(device, make), GpuValidationError, /^misfit: /);
});

test("a grid or bindings beyond WebGPU's rules are refused at once", async () => {
  const device = await testDevice();
  const x = ones(device, [64]);
  const out = () => new Value(device, "f32", 64, "out");
  const wide = handCall({ op: "wide", outputs: [out()], body: "out0[i] = 1.0;", groups: 65536 });
  await rejects(() => device.emit(wide), GpuValidationError, /^wide: a grid of 65536×1×1/);
  const many = handCall({
    op: "many",
    inputs: [x.value],
    outputs: Array.from({ length: 8 }, out),
    body: "out0[i] = in0[i];",
  });
  await rejects(() => device.emit(many), GpuValidationError, /^many: the kernel binds 9 buffers/);
  const both = handCall({
    op: "both",
    inputs: [x.value],
    updates: [x.value],
    body: "out0[i] = in0[i];",
  });
  await rejects(
    () => device.emit(both),
    GpuValidationError,
    /^both: binding 1 is written in the buffer that binding 0 reads/,
  );
  await rejects(() => record(device, () => device.emit(both)), GpuValidationError, /^both: /);
});

test("tensors of ended scopes and of recordings have no data", async () => {
  const device = await testDevice();
  let leaked: Tensor | undefined;
  device.scope(
    () => {
      leaked = exp(ones(device, [3]));
    },
    () => [],
  );
  await rejects(() => leaked?.data(), GpuValidationError, /used after its scope ended/);
  await rejects(() => add(leaked as Tensor, 1), GpuValidationError, /^add: .*after its scope/);
  let inner: Tensor | undefined;
  const { program } = await record(device, () => {
    inner = exp(ones(device, [3]));
    return mul(inner, 2);
  });
  program.run();
  await rejects(() => inner?.data(), GpuValidationError, /made while recording/);
});

test("more memory than allowed names the tensor and its bytes", async () => {
  const device = await openDevice({ memoryLimit: 1 << 20 });
  const kept = variable(device, new Float32Array(1 << 17), [1 << 17], "encoder.weight");
  const error = await rejects(
    () => variable(device, new Float32Array(1 << 18), [1 << 18], "decoder.weight"),
    OutOfMemoryError,
    /^out of GPU memory: decoder.weight wants 1048576 bytes, 524288 of the 1048576 allowed are in use$/,
  );
  assert.is((error as OutOfMemoryError).tensor, "decoder.weight");
  assert.is((error as OutOfMemoryError).bytes, 1 << 20);
  await rejects(
    () => zeros(device, [1 << 18]),
    OutOfMemoryError,
    /the result of full wants 1048576 bytes/,
  );
  const big = () => exp(zeros(device, [1 << 18]));
  await rejects(() => record(device, big), OutOfMemoryError, /the result of exp wants 1048576/);
  assert.is(device.pool.statistics().liveBytes, 1 << 19, "nothing is left behind");
  // Idle buffers make room before anybody is refused.
  device.scope(
    () => zeros(device, [1 << 17]),
    () => [],
  );
  assert.is(device.pool.statistics().idleBytes, 1 << 19);
  const small = zeros(device, [1 << 16]);
  assert.is(device.pool.statistics().idleBytes, 0);
  assert.is((await small.data()).length, 1 << 16);
  assert.is((await kept.data()).length, 1 << 17);
  device.close();
});

test("more than the largest buffer is refused before the driver is asked", async () => {
  const device = await openDevice({ limits: "default" });
  await rejects(
    () => zeros(device, [2 ** 25 + 1]),
    OutOfMemoryError,
    /the result of full wants 134217744 bytes, the device's largest buffer is 134217728/,
  );
  await rejects(() => zeros(device, [2 ** 20, 2 ** 20]), ShapeError, /more than 2\^30 elements/);
  device.close();
});

/** Makes the device refuse the next buffer of `size`, as a driver does that has no memory left. */
function refuseBuffer(gpu: GPUDevice, size: number): void {
  const create = gpu.createBuffer.bind(gpu);
  const pop = gpu.popErrorScope.bind(gpu);
  let refused = false;
  const hooks = {
    createBuffer(descriptor: GPUBufferDescriptor) {
      if (descriptor.size !== size) return create(descriptor);
      refused = true;
      return create({ ...descriptor, size: 16 });
    },
    popErrorScope() {
      const answer = pop();
      if (!refused) return answer;
      refused = false;
      return answer.then(() => ({ message: "not enough memory left" }) as GPUError);
    },
  };
  for (const [name, value] of Object.entries(hooks))
    Object.defineProperty(gpu, name, { value, configurable: true });
}

test("the driver's out-of-memory answer names the tensor, and its content is no data", async () => {
  const device = await openDevice();
  const fine = ones(device, [8]);
  await device.finish();
  refuseBuffer(device.gpu, 4096);
  const lost = device.allocate("f32", 1024, "latent codes");
  const error = await rejects(
    () => fine.data(),
    OutOfMemoryError,
    /^out of GPU memory: latent codes wants 4096 bytes, not enough memory left$/,
  );
  await rejects(() => device.read(lost), OutOfMemoryError, /latent codes/);
  assert.is(error.name, "OutOfMemoryError");
  assert.equal([...(await fine.data())], new Array(8).fill(1));
  const recorded = () => exp(tensor(device, new Float32Array(1024)));
  await rejects(() => record(device, recorded), OutOfMemoryError, /wants 4096 bytes/);
  device.close();
});

test("a failure of one thing does not drop the ops that were encoded before it was told", async () => {
  const device = await openDevice();
  refuseBuffer(device.gpu, 4096);
  const lost = device.allocate("f32", 1024, "latent codes");
  const x = exp(zeros(device, [10]));
  await new Promise((resolve) => setTimeout(resolve, 50)); // the refusal is known now, x not submitted
  device.flush();
  await rejects(() => x.data(), OutOfMemoryError, /latent codes/);
  assert.is((await x.data())[9], 1);
  await rejects(() => device.read(lost), OutOfMemoryError, /latent codes/);
  device.close();
});

test("no memory for a read-back leaves the data where it is", async () => {
  const device = await openDevice();
  const x = exp(zeros(device, [1024]));
  refuseBuffer(device.gpu, 4100);
  await rejects(
    () => x.data(),
    OutOfMemoryError,
    /^out of GPU memory: a read-back wants 4100 bytes, not enough memory left$/,
  );
  for (const name of ["createBuffer", "popErrorScope"]) Reflect.deleteProperty(device.gpu, name);
  assert.is((await x.data())[1023], 1);
  device.close();
});

test.run();
