import { LatentgradError } from "../gpu/errors.ts";

/** What asks a process to stop. */
export const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];

/** A terminal signals parent and child alike, and the parent passes it on: that is one Ctrl-C. */
export const sameSignalMs = 500;

/** Exit status of a process that was asked to stop, whatever the signal. */
export const interruptedStatus = 130;

/** A command was stopped by a signal; the message is the line to end with. */
export class StoppedBySignal extends LatentgradError {
  override readonly exitCode = interruptedStatus;
  override name = "StoppedBySignal";
}
