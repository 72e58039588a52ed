import { LatentgradError } from "../gpu/errors.ts";
import { cutMessage, visibleJson, visibleText } from "../gpu/visible-text.ts";
import type { Host } from "../host/host.ts";

/** Back to the start of the line, and erase it. */
const CLEAR = "\r\u001b[2K";

/**
 * Marks that this module puts around styled text, and what a terminal is sent for them. They are no
 * characters (Unicode 23.7), so that no text has them, and all else in a line can be cleaned.
 */
const styles: Readonly<Record<string, string>> = {
  "\ufdd0": "\u001b[1m",
  "\ufdd1": "\u001b[22m",
  "\ufdd2": "\u001b[36m",
  "\ufdd3": "\u001b[90m",
  "\ufdd4": "\u001b[39m",
};
export const styleMarks = /[\ufdd0-\ufdd4]/g;

/** One line without anything that a terminal would obey. */
function clean(line: string, styled: boolean): string {
  if (!styled) return visibleText(line);
  return line.replace(
    /[^\ufdd0-\ufdd4]+|[\ufdd0-\ufdd4]/g,
    (part) => styles[part] ?? visibleText(part),
  );
}

function cleanLines(text: string): string {
  return text.split("\n").map(visibleText).join("\n");
}

/** What went wrong, as one line: an error's message may hold anything. */
export function errorLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.replace(/\s*[\r\n]+\s*/g, " ").trim();
  return visibleText(error instanceof LatentgradError ? line : cutMessage(line));
}

/** Writes the line that a process ends with at once, when nothing else is to be written. */
export function writeLastLine(error: unknown): void {
  process.stderr.write(`latentgrad: ${errorLine(error)}\n`);
}

/** The same with the places of an error that nobody has thought of. */
export function writeStack(stack: string): void {
  process.stderr.write(`latentgrad: ${cleanLines(stack)}\n`);
}

/** Writes a line of progress for a process that does its work elsewhere, over the other's progress bar. */
export function writeAside(line: string): void {
  const clear = process.stderr.isTTY ? "\r\u001b[2K" : "";
  process.stderr.write(`${clear}${visibleText(line)}\n`);
}

/**
 * The two streams of a command: data on stdout, progress and errors on stderr. Writes keep their
 * order although a host may take them asynchronously. Whatever is printed goes through here, and nothing
 * in it reaches a terminal but what it shows: a line stays one line.
 */
export class Output {
  /** Drops progress, not errors. */
  quiet = false;
  private pending: Promise<void> = Promise.resolve();
  private failure: unknown;
  /** A line that will be written over stands on the terminal. */
  private drawn = false;

  constructor(private readonly host: Host) {}

  /** A line of data. */
  data(line: string): void {
    this.erase();
    this.write((text) => this.host.stdout(text), `${visibleText(line)}\n`);
  }

  /** Data in lines that the program has made: a table. */
  table(lines: string): void {
    this.erase();
    this.write((text) => this.host.stdout(text), `${cleanLines(lines)}\n`);
  }

  /** Data as JSON. */
  json(value: unknown): void {
    this.erase();
    const text = visibleJson(JSON.stringify(value, null, 2));
    this.write((all) => this.host.stdout(all), `${text}\n`);
  }

  /** A line for the person who waits. */
  progress(line: string): void {
    if (!this.quiet) this.error(line);
  }

  /** A line on a terminal that the next line or status takes the place of. */
  status(line: string): void {
    if (this.quiet || !this.host.stderrIsTerminal) return;
    this.write((text) => this.host.stderr(text), `${CLEAR}${clean(line, this.isStyled)}`);
    this.drawn = true;
  }

  /** A line on stderr. */
  error(line: string): void {
    this.erase();
    this.write((text) => this.host.stderr(text), `${clean(line, this.isStyled)}\n`);
  }

  /** Text for stdout in the lines that it has: what the parser prints. */
  raw(text: string): void {
    this.write((all) => this.host.stdout(all), cleanLines(text));
  }

  /** `text` in bold where stderr is a terminal that may be coloured. */
  bold(text: string): string {
    return this.isStyled ? `\ufdd0${text}\ufdd1` : text;
  }

  /** A bar of so many characters, of which the first are full. */
  bar(full: number, size: number): string {
    return this.isStyled
      ? `\ufdd2${"━".repeat(full)}\ufdd3${"━".repeat(size - full)}\ufdd4`
      : "#".repeat(full) + "-".repeat(size - full);
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
