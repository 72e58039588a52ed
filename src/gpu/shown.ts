const NODE = Symbol.for("nodejs.util.inspect.custom");
const DENO = Symbol.for("Deno.customInspect");

/**
 * An object that consoles show as one line, its `toString`, in place of all that hangs on it. Node and Deno
 * ask for the line. Chrome shows an object by a `Symbol.toStringTag` of its own, and does so only where its
 * class has a base: what should be shown there, too, calls `tag`.
 */
export abstract class Shown {
  /** What it is, in one line: consoles show this. */
  abstract toString(): string;

  /** The same line: JSON of what holds it, as a log may have it, stays short and has no circles. */
  toJSON(): string {
    return this.toString();
  }

  /** Fixes the line for consoles that ask for none. */
  protected tag(): void {
    Object.defineProperty(this, Symbol.toStringTag, { value: this.toString() });
  }

  /** @hidden */
  [NODE](): string {
    return this.toString();
  }

  /** @hidden */
  [DENO](): string {
    return this.toString();
  }
}
