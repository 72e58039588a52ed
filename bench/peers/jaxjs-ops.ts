import type { Array as JaxArray } from "@jax-js/jax";
import {
  blockUntilReady,
  defaultDevice,
  getWebGPUDevice,
  init,
  jit,
  lax,
  numpy as np,
  vjp,
} from "@jax-js/jax";
import { adapterName } from "../../src/gpu/adapter.ts";
import { transpose } from "./data.ts";
import { jaxjsStep } from "./jaxjs-step.ts";
import type { Engine } from "./side.ts";
import { type ConvTask, type OpTask, opShapes } from "./tasks.ts";

/** Axes that bring images and weights into jax-js's layouts, and those that bring them back. */
const NCHW = [0, 3, 1, 2];
const NHWC = [0, 2, 3, 1];
const OIHW = [3, 2, 0, 1];
const HWIO = [2, 3, 1, 0];

const moved = (shape: readonly number[], order: readonly number[]) =>
  order.map((axis) => shape[axis] as number);

/** The orders that place a direction's operands and result, and bring the result back. */
function orders({ direction }: ConvTask) {
  if (direction === "weights") return { first: NCHW, second: NCHW, result: OIHW, back: HWIO };
  return { first: NCHW, second: OIHW, result: NCHW, back: NHWC };
}

type Binary = (first: JaxArray, second: JaxArray) => JaxArray;

/**
 * The gradients are those of jax-js itself. They are compiled, so that the convolution they are
 * taken of is dropped: it is linear in what is differentiated, of which zeros stand in.
 */
function compute(task: OpTask): Binary {
  if (task.kind === "matmul") return np.matmul;
  const { direction, stride } = task;
  const { result } = opShapes(task);
  const conv = (x: JaxArray, w: JaxArray) => lax.convGeneralDilated(x, w, [stride, stride], "SAME");
  if (direction === "reduce") return conv;
  if (direction === "enlarge")
    return (dy, w) => {
      const [y, pull] = vjp((x: JaxArray) => conv(x, w), [np.zeros(moved(result, NCHW))]);
      y.dispose();
      const [dx] = pull(dy);
      pull.dispose();
      return dx;
    };
  return (x, dy) => {
    const [y, pull] = vjp((w: JaxArray) => conv(x, w), [np.zeros(moved(result, OIHW))]);
    y.dispose();
    const [dw] = pull(dy);
    pull.dispose();
    return dw;
  };
}

export async function openJaxjs(device: "webgpu" | "wasm"): Promise<Engine> {
  if (!(await init(device)).includes(device)) throw new Error(`jax-js has no ${device} backend`);
  defaultDevice(device);
  const gpu = device === "webgpu" ? getWebGPUDevice() : undefined;
  return {
    adapter: gpu && adapterName(gpu.adapterInfo),
    async op(task, first, second) {
      const shapes = opShapes(task);
      const order = task.kind === "conv" ? orders(task) : undefined;
      const place = (
        values: Float32Array,
        shape: readonly number[],
        order: readonly number[] | undefined,
      ) =>
        order
          ? np.array(transpose(values, shape, order), { shape: moved(shape, order) })
          : np.array(values, { shape: [...shape] });
      const a = place(first, shapes.first, order?.first);
      const b = place(second, shapes.second, order?.second);
      await blockUntilReady([a, b]);
      const compiled = jit(compute(task));
      const run = () => compiled(a.ref, b.ref);
      let last: JaxArray | undefined;
      return {
        async call() {
          const result = run();
          // Its arrays are computed when they are asked for. Asking for the buffer submits the
          // work without waiting; the other backend has only the wait.
          last?.dispose();
          last = result;
          if (device === "webgpu") await result.ref.gpuBuffer();
          else await blockUntilReady(result);
        },
        async wait() {
          if (last) await blockUntilReady(last);
        },
        async read() {
          const values = await run().data();
          if (!order) return values;
          return transpose(values, moved(shapes.result, order.result), order.back);
        },
        close() {
          last?.dispose();
          a.dispose();
          b.dispose();
        },
      };
    },
    async step(task) {
      return jaxjsStep(task);
    },
  };
}
