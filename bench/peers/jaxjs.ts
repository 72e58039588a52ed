import { serve } from "./side.ts";

await serve(async () => (await import("./jaxjs-ops.ts")).openJaxjs("webgpu"));
