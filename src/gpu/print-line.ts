import { visibleText } from "./visible-text.ts";

/** Where a library's program has not said where its lines go: the console, a line at a time. */
export function printLine(text: string): void {
  console.error(text.split("\n").map(visibleText).join("\n"));
}
