import { countLooks } from "./garbage.ts";

/*
 * Dawn for Node learns of results only when it looks, and while anything is waited for it looks at every turn
 * of the event loop: 29,000 times a second in a training on SwiftShader. That keeps the main thread busy, and
 * each look leaves some 650 bytes in the old part of the heap, whose use went from 8 to 47 MB and back every two
 * seconds. Dawn asks for its next look by the global `setImmediate`; `paceDawn` puts a `setImmediate` there that
 * lets the looks of a long wait come at intervals, and hands everything else on.
 */

/** Looks at successive turns of the event loop: what is done within about a millisecond is known at once. */
const QUICK = 200;
/** Looks after these, a millisecond apart. */
const SHORT = 100;
const SHORT_MS = 1;
/** Between all further looks, in milliseconds: little beside the wait that they are for. */
const LONG_MS = 4;

type Look = () => void;

/** When Dawn looks for results. A wait begins with a look that is not asked for by the one before it. */
export class Pacing {
  /** Looks since the process began. */
  looks = 0;
  /** Looks of the wait at work. */
  private waited = 0;
  private looking = false;

  constructor(
    private readonly atNextTurn: (look: Look) => unknown,
    private readonly after: (look: Look, milliseconds: number) => unknown,
  ) {}

  /** Plans a look. */
  plan(look: Look): void {
    this.looks++;
    this.waited = this.looking ? this.waited + 1 : 0;
    const { waited } = this;
    const body = () => {
      this.looking = true;
      try {
        look();
      } finally {
        this.looking = false;
      }
    };
    if (waited < QUICK) this.atNextTurn(body);
    else this.after(body, waited < QUICK + SHORT ? SHORT_MS : LONG_MS);
  }
}

type SetImmediate = (callback: (...values: unknown[]) => void, ...values: unknown[]) => unknown;

let paced = false;

/** Lets Dawn for Node, in this process, look for results at intervals. */
export function paceDawn(): void {
  if (paced) return;
  paced = true;
  const { setImmediate: immediately, setTimeout: later } = globalThis as unknown as {
    setImmediate: SetImmediate;
    setTimeout: (callback: () => void, milliseconds: number) => unknown;
  };
  const planned = new Pacing(immediately, later);
  countLooks(() => planned.looks);
  const setImmediate: SetImmediate = (callback, ...values) =>
    isUnnamedNative(callback) ? planned.plan(callback) : immediately(callback, ...values);
  // Among them is what `promisify` makes of it.
  Object.defineProperties(setImmediate, Object.getOwnPropertyDescriptors(immediately));
  Object.assign(globalThis, { setImmediate });
}

/** As Dawn's function is. Those of programs have a text or a name; what settles a promise takes a value. */
function isUnnamedNative(callback: unknown): callback is Look {
  return (
    typeof callback === "function" &&
    callback.name === "" &&
    callback.length === 0 &&
    /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(callback))
  );
}
