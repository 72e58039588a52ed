/** Python programs of the documents, run in a folder. */
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { findPython } from "../../bench/peers/python.ts";

const run = promisify(execFile);
/** Where the documented programs are. */
export const examples = resolve("docs/examples");

const interpreters = new Map<string, Promise<string | undefined>>();

export function python(modules: "numpy" | "numpy, torch"): Promise<string | undefined> {
  const found =
    interpreters.get(modules) ?? findPython(modules.split(", ")).then(({ command }) => command);
  interpreters.set(modules, found);
  return found;
}

export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function execute(
  interpreter: string,
  args: readonly string[],
  cwd: string,
): Promise<Outcome> {
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: "1", PYTHONPATH: examples };
  try {
    const done = await run(interpreter, [...args], { env, cwd, timeout: 120_000 });
    return { status: 0, ...done };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, stdout, stderr };
  }
}

/** Runs a program once for each list of arguments, all in one process, which imports NumPy once. */
export async function executeAll(
  interpreter: string,
  path: string,
  calls: readonly (readonly string[])[],
  cwd: string,
): Promise<Outcome[]> {
  const script = `
import contextlib, io, json, runpy, sys, traceback
outcomes = []
for arguments in json.loads(sys.argv[2]):
    arguments = [sys.argv[1], *arguments]
    out, err, status, before = io.StringIO(), io.StringIO(), 0, sys.argv
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        sys.argv = arguments
        try:
            runpy.run_path(arguments[0], run_name="__main__")
        except SystemExit as end:
            status = end.code or 0
        except BaseException:
            status = 1
            traceback.print_exc()
        sys.argv = before
    outcomes.append({"status": status, "stdout": out.getvalue(), "stderr": err.getvalue()})
print(json.dumps(outcomes))`;
  const args = ["-c", script, path, JSON.stringify(calls)];
  const { status, stdout, stderr } = await execute(interpreter, args, cwd);
  assert.is(status, 0, stderr);
  return JSON.parse(stdout) as Outcome[];
}
