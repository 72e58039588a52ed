import type { Call, KernelSource } from "../gpu/call.ts";

/** The call with a kernel that is written once, however often it is asked for. */
export function writtenOnce(call: Call): Call {
  let source: KernelSource | undefined;
  return {
    ...call,
    kernel: () => {
      source ??= call.kernel();
      return source;
    },
  };
}
