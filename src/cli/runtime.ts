/** The runtimes that a command can be told to train on. */
export const runtimes = ["deno", "node", "chrome"] as const;

export type RuntimeName = (typeof runtimes)[number];

/** Commands that open a GPU device. */
const deviceCommands = [
  "train",
  "evaluate",
  "sample",
  "reconstruct",
  "interpolate",
  "manifold",
  "traverse",
  "embed",
  "swap",
  "export",
  "doctor",
  "demo",
  "bench",
  "tune",
];

/**
 * The runtime named by the last --runtime, before any parsing proper: the launcher must know it to
 * start that runtime. Undefined where none or an unknown one is named (the parser then complains).
 */
export function requestedRuntime(argv: readonly string[]): RuntimeName | undefined {
  let named: string | undefined;
  argv.forEach((word, index) => {
    if (word === "--runtime") named = argv[index + 1];
    if (word.startsWith("--runtime=")) named = word.slice("--runtime=".length);
  });
  return runtimes.find((name) => name === named);
}

/** Whether the command line can want a GPU: false for help, lists and mistyped commands. */
export function needsDevice(argv: readonly string[]): boolean {
  const help = argv.some((word) => word === "--help" || word === "-h");
  return !help && deviceCommands.includes(argv[0] ?? "");
}

/** Whether the command line wants other engines compared, which takes several processes. */
export function comparesPeers(argv: readonly string[]): boolean {
  return argv[0] === "bench" && argv.includes("--peers");
}

/** Whether the command line imports a module of the user's. */
export function loadsKernel(argv: readonly string[]): boolean {
  const named = argv.some((word) => word === "--kernel" || word.startsWith("--kernel="));
  return argv[0] === "bench" && named;
}

/** Whether the command line serves a page to the user's own browser, and wants no device itself. */
export function servesPage(argv: readonly string[]): boolean {
  return argv[0] === "bench" && argv.includes("--page");
}
