import type { Host } from "../host/host.ts";
import type { Interruption } from "../host/interruption.ts";
import type { Actions } from "./actions.ts";
import type { Output } from "./output.ts";

/** What a command is given. */
export interface Context {
  readonly host: Host;
  readonly output: Output;
  readonly actions: Actions;
  /** How the process is told to stop, where it is told at all. */
  readonly interruption?: Interruption | undefined;
}
