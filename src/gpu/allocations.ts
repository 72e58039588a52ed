import type { Device } from "./device.ts";
import type { Value } from "./value.ts";

/** The values that something has had allocated, to be given back together when it is closed. */
export class Allocations {
  private readonly values: Value[] = [];

  constructor(private readonly device: Device) {}

  /** Runs `body`, which must be synchronous, and takes charge of every value that it allocates. */
  of<T>(body: () => T): T {
    const made: Value[] = [];
    try {
      return this.device.scope(body, () => made, made);
    } finally {
      this.values.push(...made);
    }
  }

  /** The same for a `body` that goes on later: what its synchronous beginning allocates. */
  begin<T>(body: () => Promise<T>): Promise<T> {
    let begun: Promise<T> | undefined;
    this.of(() => {
      begun = body();
    });
    return begun as Promise<T>;
  }

  /** Gives all buffers back. What still refers to the values finds them empty. */
  release(): void {
    for (const value of this.values.splice(0)) {
      this.device.release(value);
      value.storage = undefined; // also of those that have moved into another's buffer
    }
  }
}
