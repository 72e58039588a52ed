import { serve } from "./side.ts";

await serve(async () => (await import("./latentgrad-ops.ts")).openLatentgrad());
