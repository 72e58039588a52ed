import { conv2d, conv2dWeightGradient, convTranspose2d } from "../../src/autograd/ops/conv2d.ts";
import { matmul } from "../../src/autograd/ops/matmul.ts";
import { openDevice } from "../../src/gpu/open.ts";
import { variable } from "../../src/tensor/create.ts";
import { record } from "../../src/tensor/run.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { latentgradStep } from "./latentgrad-step.ts";
import type { Engine } from "./side.ts";
import { KERNEL, type OpTask, opShapes } from "./tasks.ts";

function compute(task: OpTask, first: Tensor, second: Tensor): Tensor {
  if (task.kind === "matmul") return matmul(first, second);
  const { stride, direction, large } = task;
  if (direction === "reduce") return conv2d(first, second, { stride });
  if (direction === "weights")
    return conv2dWeightGradient(first, second, [KERNEL, KERNEL], { stride });
  return convTranspose2d(first, second, { stride, outputSize: [large[0], large[0]] });
}

/** Each op is a recorded program of its own, as in a training step. */
export async function openLatentgrad(): Promise<Engine> {
  const device = await openDevice();
  return {
    adapter: device.adapter.name,
    async op(task, first, second) {
      const shapes = opShapes(task);
      const a = variable(device, first, shapes.first, "first");
      const b = variable(device, second, shapes.second, "second");
      const { program, result } = await record(device, () => compute(task, a, b));
      return {
        call: () => program.run(),
        wait: () => device.finish(),
        async read() {
          program.run();
          return result.data();
        },
        // Its buffers go with it: nothing refers to them any more.
        close() {},
      };
    },
    step: (task) => latentgradStep(device, task),
  };
}
