/** What `run.mjs` needs of these sources; bundled for Node. */

export { countInvalid, formatPeers } from "../../src/bench/peers.ts";
export { comparePeers } from "./compare.ts";
export { startRunner } from "./runners.ts";
export { selectSides } from "./select.ts";
