import { serve } from "./side.ts";

/** TensorFlow.js takes Deno for Node, whose modules it then misses: it is shown a browser. */
function hideNode(): void {
  if (!("Deno" in globalThis)) return;
  Object.assign(globalThis, { process: undefined, window: globalThis, document: {} });
}

await serve(async (batch) => {
  hideNode();
  const { openTfjs } = await import("./tfjs-step.ts");
  return openTfjs(batch);
});
