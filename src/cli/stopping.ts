/** The answer to the first Ctrl-C of a training: it stops by itself, a moment later. */
export const stopping = "stopping after the step at work, then saving; Ctrl-C again stops at once";

/** Commands that save when they are asked to stop. */
const savingCommands = ["train", "demo"];

/**
 * The answer to a first signal for a process that does the work elsewhere: that one may be busy in a call
 * of its adapter for seconds. Says nothing where the work ends at once.
 */
export class StopAnswer {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly answers: boolean;

  constructor(
    argv: readonly string[],
    private readonly write: (line: string) => void,
    private readonly delayMs = 100,
  ) {
    this.answers = savingCommands.includes(argv[0] ?? "") && !argv.includes("--quiet");
  }

  /** A signal has come. */
  readonly signalled = (): void => {
    if (!this.answers) return;
    this.timer ??= setTimeout(() => this.write(stopping), this.delayMs);
  };

  /** The work has ended. */
  ended(): void {
    clearTimeout(this.timer);
  }
}
