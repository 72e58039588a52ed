import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import type { GraphInput } from "./onnx-models.ts";

/** Where ONNX Runtime is installed: it is no dependency of the project. */
const folder = "test/onnx-runtime";

/** What is used of the package onnxruntime-web. */
interface Runtime {
  readonly env: { readonly wasm: { numThreads: number } };
  readonly Tensor: new (
    type: string,
    values: GraphInput["values"],
    shape: readonly number[],
  ) => unknown;
  readonly InferenceSession: { create(model: Uint8Array): Promise<Session> };
}

interface Session {
  readonly inputNames: readonly string[];
  run(
    inputs: Readonly<Record<string, unknown>>,
  ): Promise<Readonly<Record<string, { readonly data: Float32Array; readonly dims: number[] }>>>;
  release(): Promise<void>;
}

/** A graph in ONNX Runtime. */
export interface Loaded {
  /** Takes of the inputs those that the graph has. */
  run(inputs: Readonly<Record<string, GraphInput>>): Promise<Record<string, Float32Array>>;
  release(): Promise<void>;
}

/** Loads ONNX files; undefined where the runtime is not installed. */
export function onnxRuntime(): ((file: Uint8Array) => Promise<Loaded>) | undefined {
  if (!existsSync(resolve(folder, "node_modules/onnxruntime-web"))) return undefined;
  const require = createRequire(resolve(folder, "package.json"));
  const runtime = require("onnxruntime-web") as Runtime;
  runtime.env.wasm.numThreads = 1;
  return async (file) => {
    const session = await runtime.InferenceSession.create(file);
    return {
      async run(inputs) {
        const given = session.inputNames.map((name) => {
          const { values, shape } = inputs[name] as GraphInput;
          const type = values instanceof Float32Array ? "float32" : "int64";
          return [name, new runtime.Tensor(type, values, shape)];
        });
        const results = await session.run(Object.fromEntries(given));
        return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, data]));
      },
      release: () => session.release(),
    };
  };
}
