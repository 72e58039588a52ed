import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import "@tensorflow/tfjs-backend-webgpu";
import { adapterName } from "../../src/gpu/adapter.ts";
import type { Engine } from "./side.ts";
import { type OpTask, opShapes } from "./tasks.ts";
import { tfjsStep } from "./tfjs-step.ts";

/** Each direction through the kernel that TensorFlow.js itself uses for it: no gradient tape. */
function compute(task: OpTask, first: tf.Tensor, second: tf.Tensor): tf.Tensor {
  if (task.kind === "matmul") return tf.matMul(first, second);
  const { stride, direction } = task;
  const { result } = opShapes(task);
  if (direction === "reduce") return tf.conv2d(first, second, stride, "same");
  if (direction === "enlarge") return tf.conv2dTranspose(first, second, result, stride, "same");
  return tf
    .engine()
    .runKernel(
      "Conv2DBackpropFilter",
      { x: first, dy: second },
      { strides: stride, pad: "same", dataFormat: "NHWC", filterShape: result },
    );
}

export async function open(): Promise<Engine> {
  if (!(await tf.setBackend("webgpu"))) throw new Error("TensorFlow.js has no webgpu backend");
  await tf.ready();
  const backend = tf.backend() as WebGPUBackend;
  const { device } = backend;
  // The engine has no wait but reading a whole result: as the others' waits do it, four bytes are
  // written behind all that was submitted, and mapped.
  const staging = device.createBuffer({
    size: 4,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  const wait = async () => {
    backend.endComputePassEncoder();
    backend.ensureCommandEncoderReady();
    backend.submitQueue();
    const encoder = device.createCommandEncoder();
    encoder.clearBuffer(staging);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(GPUMapMode.READ);
    staging.unmap();
  };
  return {
    adapter: adapterName(device.adapterInfo),
    async op(task, first, second) {
      const shapes = opShapes(task);
      const a = tf.tensor(first, shapes.first);
      const b = tf.tensor(second, shapes.second);
      return {
        call: () => compute(task, a, b).dispose(),
        wait,
        async read() {
          const result = compute(task, a, b);
          const values = await result.data();
          result.dispose();
          return values;
        },
        close() {
          a.dispose();
          b.dispose();
        },
      };
    },
    async step(task) {
      return tfjsStep(task);
    },
  };
}
