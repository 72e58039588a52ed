import { describeFile } from "../formats/file-kinds.ts";
import { checkJpeg } from "../formats/jpeg-check.ts";
import type { Host } from "../host/host.ts";

/** Pictures at most that are looked at: whole files are read, and an error is to come soon. */
const mostLooked = 200;

/**
 * How many sizes pictures have and which is the most frequent, by the headers of the first of them, for an
 * error about mixed ones: `8 pictures have 3 sizes`, `7 of the first 200 pictures have 3 sizes` where the
 * headers of the others do not say. Undefined where no header does.
 */
export async function sizesInWords(
  paths: readonly string[],
  host: Host,
): Promise<string | undefined> {
  const sizes = new Map<string, { count: number; height: number; width: number }>();
  const looked = paths.slice(0, mostLooked);
  for (const path of looked) {
    const size = await sizeOf(path, host).catch(() => undefined);
    if (size === undefined) continue;
    const [width, height] = size;
    const key = `${width}×${height}`;
    const found = sizes.get(key) ?? { count: 0, height, width };
    found.count++;
    sizes.set(key, found);
  }
  const known = [...sizes.values()].reduce((sum, { count }) => sum + count, 0);
  const [most] = [...sizes].sort(([, a], [, b]) => b.count - a.count);
  if (most === undefined) return undefined;
  const [size, { count, height, width }] = most;
  const among = looked.length < paths.length ? `the first ${looked.length}` : `${looked.length}`;
  const all = `${known < looked.length ? `${known} of ` : ""}${among} pictures`;
  return `${all} have ${sizes.size} sizes, ${count} of them ${size}; --size ${height}x${width} brings all to that one`;
}

/** Width and height as the picture is shown; undefined where its header does not say. */
async function sizeOf(path: string, host: Host): Promise<[number, number] | undefined> {
  const bytes = await host.readFile(path);
  const { kind } = describeFile(bytes) ?? {};
  if (kind === "png" && bytes.length >= 24) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return [view.getUint32(16), view.getUint32(20)];
  }
  if (kind !== "jpeg") return undefined;
  const { width, height, orientation } = checkJpeg(bytes, path);
  // From 5 on it is turned by a quarter.
  return orientation >= 5 ? [height, width] : [width, height];
}
