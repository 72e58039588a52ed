import type { Host } from "../host/host.ts";

/** Back to the start of the line, and erase it. */
const CLEAR = "\r\u001b[2K";

/**
 * The two streams of a command: data on stdout, progress and errors on stderr. Writes keep their
 * order although a host may take them asynchronously.
 */
export class Output {
  /** Drops progress, not errors. */
  quiet = false;
  private pending: Promise<void> = Promise.resolve();
  private failure: unknown;
  /** A line that will be written over stands on the terminal. */
  private drawn = false;

  constructor(private readonly host: Host) {}

  /** A line of data, or several. */
  data(line: string): void {
    this.erase();
    this.write((text) => this.host.stdout(text), `${line}\n`);
  }

  /** Data as JSON. */
  json(value: unknown): void {
    this.data(JSON.stringify(value, null, 2));
  }

  /** A line for the person who waits. */
  progress(line: string): void {
    if (!this.quiet) this.error(line);
  }

  /** A line on a terminal that the next line or status takes the place of. */
  status(line: string): void {
    if (this.quiet || !this.host.stderrIsTerminal) return;
    this.write((text) => this.host.stderr(text), `${CLEAR}${line}`);
    this.drawn = true;
  }

  /** A line on stderr. */
  error(line: string): void {
    this.erase();
    this.write((text) => this.host.stderr(text), `${line}\n`);
  }

  /** Text for stdout as it stands: what the parser prints. */
  raw(text: string): void {
    this.write((all) => this.host.stdout(all), text);
  }

  /** `text` in bold where stderr is a terminal that may be coloured. */
  bold(text: string): string {
    return this.isStyled ? `\u001b[1m${text}\u001b[22m` : text;
  }

  /** stderr is a terminal that may be coloured. */
  get isStyled(): boolean {
    const { env, stderrIsTerminal } = this.host;
    return stderrIsTerminal && !env.NO_COLOR && env.TERM !== "dumb";
  }

  /** Removes the status line. */
  erase(): void {
    if (this.drawn) this.write((text) => this.host.stderr(text), CLEAR);
    this.drawn = false;
  }

  /** Resolves when all is written; rejects once with the first failure. */
  async flush(): Promise<void> {
    await this.pending;
    const failure = this.failure;
    this.failure = undefined;
    if (failure !== undefined) throw failure;
  }

  private write(to: (text: string) => void | Promise<void>, text: string): void {
    this.pending = this.pending
      .then(() => to(text))
      .catch((error: unknown) => {
        this.failure ??= error;
      });
  }
}
