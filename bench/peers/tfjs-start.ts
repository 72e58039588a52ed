import type { Engine } from "./side.ts";

/** TensorFlow.js takes Deno for Node, whose modules it then misses: it is shown a browser. */
export async function start(backend: "webgpu" | "wasm"): Promise<Engine> {
  if ("Deno" in globalThis)
    Object.assign(globalThis, { process: undefined, window: globalThis, document: {} });
  if (backend === "webgpu") return (await import("./tfjs-webgpu-engine.ts")).open();
  return (await import("./tfjs-wasm-engine.ts")).open();
}
