/** Lets pieces of asynchronous work that must not mix have their turns, in the order in which they ask. */
export class Turns {
  private last: Promise<void> = Promise.resolve();

  /** Does the work when all that asked before is done. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const before = this.last;
    let end = () => {};
    this.last = new Promise((resolve) => {
      end = resolve;
    });
    await before;
    try {
      return await work();
    } finally {
      end();
    }
  }

  /** Resolves when nobody has or waits for a turn. */
  async free(): Promise<void> {
    for (let seen: Promise<void> | undefined; seen !== this.last; ) {
      seen = this.last;
      await seen;
    }
  }
}

/** A pause that somebody ends. */
export class Pause {
  end: () => void = () => undefined;
  private readonly over = new Promise<void>((resolve) => {
    this.end = resolve;
  });

  /** Resolves when it is over, or the signal aborts. */
  async orAborted(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return;
    let onAbort = () => {};
    const aborted = new Promise<void>((resolve) => {
      onAbort = resolve;
    });
    signal?.addEventListener("abort", onAbort);
    await Promise.race([this.over, aborted]);
    signal?.removeEventListener("abort", onAbort);
  }
}
