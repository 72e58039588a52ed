import { anotherKind } from "../formats/file-kinds.ts";
import type { Host } from "../host/host.ts";
import { namesOf } from "./idx-names.ts";
import { joinPath } from "./paths.ts";
import type { PublishedSet } from "./sources.ts";

/** Files larger than this are named without a look at them. */
const LARGEST = 2 ** 28;
/** A message names so many at most. */
const MOST = 2;

/** What the name of a file of training data tends to have in it, in whatever format. */
const telling =
  /train|test|t10k|batch|images|labels|mnist|cifar|omniglot|letters|\.(tar|tgz|zip|7z|rar|npz|npy|pkl|pickle|mat|parquet|h5|hdf5|arrow)\b/i;

/**
 * In words, what lies in the data folder in place of a set's files, if anything does: the set in another
 * version or another format, or its files one folder too high. Whoever put it there did not mean the set
 * to be downloaded.
 */
export async function findLookAlikes(
  set: PublishedSet,
  root: string,
  host: Host,
): Promise<string | undefined> {
  const own = [...set.files, ...(set.archive ? [set.archive] : [])].flatMap(({ name }) =>
    namesOf(name),
  );
  const list = async (path: string) =>
    (await host.stat(path))?.kind === "directory" ? await host.list(path) : [];
  const above = (await list(root)).find((name) => own.includes(name));
  if (above !== undefined)
    return `${above} lies in ${root} itself, and belongs into ${joinPath(root, set.name)}`;
  const found: string[] = [];
  let isPython = false;
  const folders = [set.name, ...(set.folders ?? [])];
  for (const folder of folders) {
    const path = joinPath(root, folder);
    for (const name of (await list(path)).sort()) {
      if (folders.includes(`${folder}/${name}`)) continue;
      if (own.includes(name) || name.startsWith(".") || name.endsWith(".part")) continue;
      if (!telling.test(name) || /\.(txt|md|html?)$/i.test(name)) continue;
      const file = joinPath(path, name);
      const status = await host.stat(file);
      const words =
        status?.kind === "directory"
          ? "a folder"
          : status !== undefined && status.size <= LARGEST
            ? anotherKind(await host.readFile(file))
            : undefined;
      isPython ||=
        /python|^batches\.meta$|-batches-py$/.test(name) || (words?.includes("pickle") ?? false);
      found.push(words === undefined ? name : `${name} (${words})`);
    }
  }
  if (found.length === 0) return undefined;
  const shown = found.slice(0, MOST).join(", ");
  const more = found.length > MOST ? ` and ${found.length - MOST} more` : "";
  const version =
    isPython && set.name === "cifar10" ? ": the Python version, and the binary one is needed" : "";
  return `${joinPath(root, set.name)} has ${shown}${more}${version}`;
}
