import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { bundleOptions, root } from "../scripts/build.mjs";

/** The convolutional VAE's training step in each engine, as bench/peers compares them. */
const programs = {
  latentgrad: 'export * from "./latentgrad-step.ts";',
  "TensorFlow.js, WebGPU":
    'import "@tensorflow/tfjs-core/dist/register_all_gradients"; import "@tensorflow/tfjs-backend-webgpu"; export * from "./tfjs-step.ts";',
  "jax-js": 'export * from "./jaxjs-step.ts";',
};

/**
 * Bytes that a page loads to train the convolutional VAE: the step and all that it imports, in one bundle.
 *
 * @param installed whether the other engines are there
 */
export async function measureSizes(installed) {
  const sizes = [];
  for (const [engine, contents] of Object.entries(programs)) {
    if (engine !== "latentgrad" && !installed) continue;
    const { outputFiles } = await build({
      ...bundleOptions,
      platform: "browser",
      stdin: { contents, resolveDir: join(root, "bench/peers"), loader: "ts" },
      external: ["node:*"],
      minify: true,
      write: false,
    });
    const [{ contents: bytes }] = outputFiles;
    sizes.push({ engine, minified: bytes.length, gzipped: gzipSync(bytes, { level: 9 }).length });
  }
  return sizes;
}
