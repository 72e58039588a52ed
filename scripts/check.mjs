/**
 * Format, lint, types and structure of the whole project; with --api also its public interface.
 *
 *   node scripts/check.mjs [--api]
 */
import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

function run(script, args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [require.resolve(script), ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (data) => (output += data));
    child.on("close", (code) => resolve({ passed: code === 0, output }));
  });
}

export const checks = [
  {
    name: "format and lint",
    run: () => run("@biomejs/biome/bin/biome", ["ci", "--colors=off", "."]),
  },
  { name: "layers and circles", run: () => run("./layers.mjs", []) },
  { name: "types", run: () => run("typescript/bin/tsc", ["-p", ".", "--pretty", "false"]) },
];

/** The public interface: its reports and its reference. They compile the sources anew. */
export const apiChecks = [
  { name: "API reports", run: () => run("./api-report.mjs", ["--check"]) },
  { name: "API reference", run: () => run("./api-docs.mjs", ["--check"]) },
];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.includes("--api") ? [...checks, ...apiChecks] : checks;
  const results = await Promise.all(wanted.map(async (check) => [check.name, await check.run()]));
  for (const [name, { passed, output }] of results) {
    console.log(`${passed ? "ok" : "FAILED"}: ${name}${passed ? "" : `\n${output}`}`);
    if (!passed) process.exitCode = 1;
  }
}
