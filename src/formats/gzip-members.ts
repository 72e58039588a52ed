import { Gunzip } from "fflate";

/** A gzip member has at least a header of ten bytes and a trailer of eight. */
const SHORTEST = 18;
/** Bytes that are inflated at once, to at most 1032 times as many. */
const PIECE = 1 << 14;

/**
 * Whether a gzip file has several members one behind the other, as `cat a.gz b.gz` makes them. Some
 * runtimes inflate all of them, some the first alone, and some fail. Of a file that is no gzip it is false.
 */
export function hasSeveralMembers(compressed: Uint8Array): boolean {
  if (!maybe(compressed)) return false;
  let found = false;
  const inflater = new Gunzip(() => undefined);
  inflater.onmember = () => {
    found = true;
  };
  try {
    for (let at = 0; at < compressed.length && !found; at += PIECE)
      inflater.push(compressed.subarray(at, at + PIECE), at + PIECE >= compressed.length);
  } catch {
    // What is broken in another way is said by who inflates it.
  }
  return found;
}

/** Whether there is anything behind the first member's header that another's could begin with. */
function maybe(bytes: Uint8Array): boolean {
  for (let at = bytes.indexOf(0x1f, SHORTEST); at >= 0; at = bytes.indexOf(0x1f, at + 1))
    if (bytes[at + 1] === 0x8b && bytes[at + 2] === 8 && (bytes[at + 3] ?? 0xff) < 0x20)
      return true;
  return false;
}
