/**
 * Does `work`, and then `cleanUp` whatever came of it: the asynchronous `finally`. What a `finally` block
 * throws takes the place of what went wrong before it, which is then never known. Here the first failure
 * is the one that is thrown; that of the clean-up only where there was none.
 */
export async function withCleanUp<T>(
  work: () => Promise<T> | T,
  cleanUp: () => unknown,
): Promise<T> {
  let result: T;
  try {
    result = await work();
  } catch (error) {
    await afterFailure(cleanUp);
    throw error;
  }
  await cleanUp();
  return result;
}

/** Cleans up behind a failure, which is what will be reported: one of the clean-up is dropped. */
export async function afterFailure(cleanUp: () => unknown): Promise<void> {
  try {
    await cleanUp();
  } catch {
    // The first failure is the reason of this one as often as not.
  }
}
