/** What `run.mjs` needs of the project's sources; bundled for Node. */
export { ladders } from "../src/bench/ladders/registry.ts";
export { LatentgradError } from "../src/gpu/errors.ts";
export { launchChrome } from "../src/host/chrome-launch.ts";
export { runChild, runtimeCommand } from "../src/host/node-launch.ts";
export {
  argumentsOf,
  commandLine,
  figureFile,
  measuredLadder,
  measuredSection,
  replaceSection,
  sections,
} from "./report.ts";
