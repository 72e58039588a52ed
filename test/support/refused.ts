import * as assert from "uvu/assert";
import type { Device } from "../../src/gpu/device.ts";
import { rejects } from "./rejects.ts";

/** What a JavaScript user may give where the types say otherwise. */
export type Loose = (...args: unknown[]) => unknown;
export const loose = (fn: unknown): Loose => fn as Loose;
export const make =
  (Kind: unknown) =>
  (...args: unknown[]): unknown =>
    new (Kind as new (...args: unknown[]) => unknown)(...args);

/** A call, the class of its error, and the message; `…` stands for anything. */
export type Case = readonly [
  run: () => unknown,
  kind: new (...parameters: never[]) => Error,
  message: string,
];

/** Asserts that each call is refused, before anything runs. */
export async function refused(device: Device, cases: readonly Case[]): Promise<void> {
  const { dispatches, submits } = device;
  for (const [run, kind, message] of cases) {
    const text = message.replace(/[[\](){}.?+*|^$]/g, "\\$&").replaceAll("…", ".*");
    await rejects(run, kind, new RegExp(`^${text}$`));
  }
  assert.equal([device.dispatches, device.submits], [dispatches, submits]);
}
