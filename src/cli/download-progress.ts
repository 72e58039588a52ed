import type { Download } from "../data/files.ts";

/** Downloads are reported no more often than this, in milliseconds. */
const interval = 3000;

/**
 * Makes plain lines of what a download reports: one at once, then one every few seconds, and one
 * when a file is there.
 */
export function downloadLines(
  print: (line: string) => void,
  now: () => number = () => performance.now(),
): (download: Download) => void {
  let next = Number.NEGATIVE_INFINITY;
  return ({ url, received, total, done }) => {
    if (done) {
      print(`downloaded ${url}: ${size(total)}`);
    } else if (now() >= next) {
      next = now() + interval;
      print(`downloading ${url}: ${size(received)} of ${size(total)}`);
    }
  };
}

/** Bytes in kB or MB. */
function size(bytes: number): string {
  return bytes < 1e5 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
