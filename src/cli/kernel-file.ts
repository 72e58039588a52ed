import type { DefinedOp } from "../autograd/define-op.ts";
import { findOps, type KernelLibrary } from "../bench/own-kernels.ts";
import { detectRuntime, importAtRunTime } from "../gpu/adapter-environment.ts";
import { IoError, LatentgradError, UsageError } from "../gpu/errors.ts";

/** The library beside the command line: modules that import "latentgrad" get it. */
function libraryUrl(): string {
  return new URL("lib/index.js", import.meta.url).href;
}

/**
 * Imports a module that the user named and finds the ops that it exports. A module is a program: it does
 * whatever it does, with the user's rights.
 *
 * @throws IoError for a file that is not there, UsageError for one that cannot be imported or exports no op
 */
export async function loadKernelFile(
  file: string,
): Promise<{ ops: readonly DefinedOp[]; library: KernelLibrary }> {
  const runtime = detectRuntime();
  if (runtime !== "deno" && runtime !== "node")
    throw new UsageError("--kernel runs on deno or node: a page imports no file");
  if (!/\.[cm]?[jt]s$/.test(file))
    throw new UsageError(
      `--kernel ${file}: wanted a JavaScript or TypeScript module that exports an op; a shader alone says no shapes`,
    );
  if (runtime === "node" && /ts$/.test(file))
    throw new UsageError(`--kernel ${file}: TypeScript runs on deno (--runtime deno), not on node`);
  const { resolve } = await importAtRunTime<typeof import("node:path")>("node:path");
  const { existsSync } = await importAtRunTime<typeof import("node:fs")>("node:fs");
  const { pathToFileURL } = await importAtRunTime<typeof import("node:url")>("node:url");
  const path = resolve(file);
  if (!existsSync(path)) throw new IoError(`${file}: no such file`);
  const library = await importAtRunTime<KernelLibrary>(libraryUrl());
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = await importAtRunTime(pathToFileURL(path).href);
  } catch (error) {
    if (error instanceof LatentgradError) throw error;
    const { name, message } = error instanceof Error ? error : { name: "", message: String(error) };
    const [first = ""] = message.split("\n");
    // Errors of the other copy of the library are typed, too.
    const what = name.endsWith("Error") && name !== "Error" ? `${name}: ${first}` : first;
    throw new UsageError(`--kernel ${file}: ${what}`);
  }
  return { ops: findOps(file, exports, library), library };
}
