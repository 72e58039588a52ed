import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Names of an interpreter; the system's may have modules that the user's own has not. */
const INTERPRETERS = ["python3", "python", "/usr/bin/python3"];

/** Looking for a module takes some ten milliseconds, and does not import it. */
const PATIENCE_MS = 20_000;
const FIND =
  "import importlib.util, sys; sys.exit(any(not importlib.util.find_spec(m) for m in sys.argv[1:]))";

/** An interpreter that has what it is wanted for, or why there is none. */
export type FoundPython =
  | { readonly command: string; readonly reason?: never }
  | { readonly command?: never; readonly reason: string };

/** The first interpreter that has these modules. */
export async function findPython(
  modules: readonly string[],
  interpreters: readonly string[] = INTERPRETERS,
): Promise<FoundPython> {
  const without: string[] = [];
  for (const command of interpreters) {
    try {
      await run(command, ["-c", FIND, ...modules], { timeout: PATIENCE_MS });
      return { command };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") without.push(command);
    }
  }
  const reason =
    without.length === 0
      ? `there is no ${interpreters.join(", ")}`
      : `no ${modules.join(" and ")} for ${without.join(", ")}`;
  return { reason };
}
