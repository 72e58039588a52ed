/** The JavaScript runtime this code runs in. */
export type Runtime = "node" | "deno" | "chrome" | "browser";

interface Globals {
  Deno?: { env: { get(name: string): string | undefined } };
  process?: { versions?: { node?: string }; env: Record<string, string | undefined> };
  isSecureContext?: boolean;
  navigator?: { userAgent?: string; gpu?: GPU };
  /** Set in a page by whoever serves it, in place of environment variables. */
  LATENTGRAD_ENV?: Readonly<Record<string, string | undefined>>;
}

const globals = globalThis as unknown as Globals;

/** Deno also has a `process`, so it is asked for first. */
export function detectRuntime(): Runtime {
  if (globals.Deno) return "deno";
  if (globals.process?.versions?.node) return "node";
  return /\bChrom(e|ium)\b|HeadlessChrome/.test(globals.navigator?.userAgent ?? "")
    ? "chrome"
    : "browser";
}

/** An environment variable; in a page, an entry of `globalThis.LATENTGRAD_ENV`. */
export function readEnvironment(name: string): string | undefined {
  if (globals.LATENTGRAD_ENV) return globals.LATENTGRAD_ENV[name];
  try {
    return globals.Deno ? globals.Deno.env.get(name) : globals.process?.env[name];
  } catch {
    return undefined; // Deno without the permission to read it
  }
}

/** WebGPU as the platform offers it (not in Node 20). */
export function platformGpu(): GPU | undefined {
  return globals.navigator?.gpu;
}

/** Whether this is a page that browsers give no WebGPU: one from the net without encryption. */
export function isInsecure(): boolean {
  return globals.isSecureContext === false;
}

/**
 * Imports a module of the runtime or an optional package. The specifier is a variable so that
 * bundlers leave it alone: a page never loads it.
 */
export function importAtRunTime<T>(specifier: string): Promise<T> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ specifier) as Promise<T>;
}
