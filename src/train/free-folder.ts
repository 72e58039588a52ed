import { joinPath } from "../data/paths.ts";
import { LatentgradError, UsageError } from "../gpu/errors.ts";
import type { Host } from "../host/host.ts";
import { RunFolder } from "./run-folder.ts";

/** Where runs are kept unless the user says otherwise. */
const runs = "runs";

/** The first folder of the runs of a model on a set; the next ones end with -2, -3, … `data`: the set's label. */
export function defaultRunFolder(model: string, data: string): string {
  return joinPath(runs, `${model}-${data}`);
}

/** The folder of that number in the series that begins with `first`. */
function numbered(first: string, n: number): string {
  return n === 1 ? first : `${first}-${n}`;
}

/** Numbers of the folders of a series that are there, ascending. */
async function numbersThere(first: string, host: Host): Promise<number[]> {
  const parts = first.split("/");
  const name = parts.pop() as string;
  const folder = parts.join("/") || ".";
  if ((await host.stat(folder))?.kind !== "directory") return [];
  return (await host.list(folder))
    .flatMap((other) => {
      if (other === name) return [1];
      const n = other.startsWith(`${name}-`) ? other.slice(name.length + 1) : "";
      return /^([2-9]|[1-9]\d{1,8})$/.test(n) ? [Number(n)] : [];
    })
    .sort((a, b) => a - b);
}

/**
 * The folder of a new run, prepared and locked: behind the last of its series, so that the highest number
 * is always the newest run. Of several that start at once each gets its own.
 */
export async function prepareNext(first: string, host: Host): Promise<RunFolder> {
  let n = ((await numbersThere(first, host)).at(-1) ?? 0) + 1;
  for (;;) {
    const path = numbered(first, n);
    try {
      const folder = await RunFolder.create(path, { force: false }, host);
      await folder.prepare();
      return folder;
    } catch (error) {
      // Another run has taken it meanwhile.
      if (!(error instanceof UsageError)) throw error;
      n++;
    }
  }
}

/**
 * The newest run of a series that `suits`.
 *
 * @param suits throws a LatentgradError for a run that cannot be meant
 * @throws UsageError where there is no run; else the newest run's error, where none suits
 */
export async function newestRun<T>(
  first: string,
  host: Host,
  suits: (path: string) => Promise<T>,
): Promise<{ readonly path: string; readonly found: T; readonly of: number }> {
  const numbers = await numbersThere(first, host);
  let failure: LatentgradError | undefined;
  for (const n of [...numbers].reverse()) {
    const path = numbered(first, n);
    try {
      return { path, found: await suits(path), of: numbers.length };
    } catch (error) {
      if (!(error instanceof LatentgradError)) throw error;
      failure ??= error;
    }
  }
  throw (
    failure ?? new UsageError(`${first}: no such run folder; --out names the run that is to go on`)
  );
}
