import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import plain from "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.wasm";
import simd from "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm";
import threaded from "@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-threaded-simd.wasm";
import * as tf from "@tensorflow/tfjs-core";
import type { Engine } from "./side.ts";
import { opShapes } from "./tasks.ts";

const address = (wasm: Uint8Array<ArrayBuffer>) =>
  URL.createObjectURL(new Blob([wasm], { type: "application/wasm" }));

/** Products only: this backend has no gradient of a convolution's weights, and so no step. */
export async function open(): Promise<Engine> {
  setWasmPaths(
    {
      "tfjs-backend-wasm.wasm": address(plain),
      "tfjs-backend-wasm-simd.wasm": address(simd),
      "tfjs-backend-wasm-threaded-simd.wasm": address(threaded),
    },
    true,
  );
  // Its threads are classic workers, which Deno has not.
  if ("Deno" in globalThis) tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  // May take all of the processor's threads; of two it takes one.
  else setThreadsCount(navigator.hardwareConcurrency);
  if (!(await tf.setBackend("wasm"))) throw new Error("TensorFlow.js has no wasm backend");
  await tf.ready();
  return {
    adapter: undefined,
    async op(task, first, second) {
      if (task.kind !== "matmul") return undefined;
      const shapes = opShapes(task);
      const a = tf.tensor(first, shapes.first);
      const b = tf.tensor(second, shapes.second);
      return {
        call: () => tf.matMul(a, b).dispose(),
        // A call returns when its result is there.
        async wait() {},
        async read() {
          const result = tf.matMul(a, b);
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
    async step() {
      return undefined;
    },
  };
}
