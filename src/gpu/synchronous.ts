import { UsageError } from "./errors.ts";

export function isPromise(x: unknown): x is PromiseLike<unknown> {
  return typeof (x as { then?: unknown } | null | undefined)?.then === "function";
}

/**
 * Checks what a function that the user gave has returned. What an asynchronous one does later, nobody sees
 * who called it: it would be missing from a recording, or be on a tape that is off.
 *
 * @param name what the caller calls the function
 * @throws UsageError for a promise
 */
export function checkSynchronous(op: string, name: string, result: unknown): void {
  if (!isPromise(result)) return;
  // Nobody waits for it any more: should it fail, that must not end the process.
  result.then(undefined, () => undefined);
  throw new UsageError(
    `${op}: ${name} is asynchronous, wanted a function that is done when it returns: await before, read tensors behind`,
  );
}
