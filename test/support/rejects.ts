import * as assert from "uvu/assert";

/** Asserts that `run` fails with an error of `kind`, in one line that matches, and returns it. */
export async function rejects(
  run: () => unknown,
  kind: new (...parameters: never[]) => Error,
  pattern: RegExp,
): Promise<Error> {
  let failure: unknown;
  try {
    await run();
  } catch (error) {
    failure = error;
  }
  assert.ok(failure instanceof Error, `expected an error matching ${pattern}`);
  assert.instance(failure, kind);
  assert.match(failure.message, pattern);
  assert.not(failure.message.includes("\n"), "the message is one line");
  return failure;
}
