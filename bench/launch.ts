/** What `run.mjs` needs of the project's sources; bundled for Node. */
export { LatentgradError } from "../src/gpu/errors.ts";
export { launchChrome } from "../src/host/chrome-launch.ts";
export { runChild, runtimeCommand } from "../src/host/node-launch.ts";
export { measuredPeers, measuredStep, replaceSection } from "./report.ts";
