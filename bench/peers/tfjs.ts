import { serve } from "./side.ts";

await serve(async () => (await import("./tfjs-start.ts")).start("webgpu"));
