import { LatentgradError } from "../src/gpu/errors.ts";
import { createNodeHost } from "../src/host/node.ts";
import { main } from "./trainer.ts";

/** Entry for Deno and Node. */
try {
  process.exit(await main(process.argv.slice(2), await createNodeHost()));
} catch (error) {
  const known = error instanceof LatentgradError;
  process.stderr.write(`bench: ${known ? error.message : (error as Error).stack}\n`);
  process.exit(known ? error.exitCode : 1);
}
