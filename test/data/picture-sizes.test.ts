import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadDataset } from "../../src/data/datasets.ts";
import { sizesInWords } from "../../src/data/picture-sizes.ts";
import { DataError } from "../../src/gpu/errors.ts";
import { jpegFile } from "../support/jpeg-file.ts";
import { MemoryHost } from "../support/memory-host.ts";
import { pngFile } from "../support/png-file.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("sizes of pictures");

const names = (count: number) => Array.from({ length: count }, (_, i) => `/p/${100 + i}.png`);
const file = (width: number, height: number) =>
  pngFile({ width, height, depth: 8, colourType: 0, pixel: () => [1] });

test("mixed sizes are counted, and the most frequent one named", async () => {
  const host = new MemoryHost();
  const paths = names(9);
  for (const [i, path] of paths.entries()) {
    const [width, height] = (i === 0 ? [2, 1] : i % 3 === 1 ? [3, 1] : [5, 4]) as [number, number];
    host.putPicture(path, { width, height, channels: 1, pixels: new Uint8Array(width * height) });
    host.put(path, await file(width, height));
  }
  const block = () => [9];
  host.put(paths[2]!, jpegFile({ width: 4, height: 5, components: 1, block, orientation: 6 }));
  host.put(paths[7]!, "no picture");
  // The last picture is for the test.
  await rejects(
    () => loadDataset("folder:/p", { host }),
    DataError,
    /^\/p\/101\.png: 3×1 pixels, \/p\/100\.png has 2×1; 7 of 8 pictures have 3 sizes, 4 of them 5×4; --size 4x5 brings all to that one$/,
  );
});

test("so many at most are looked at, and nothing is said of what says nothing", async () => {
  const host = new MemoryHost();
  const [small, large] = [await file(1, 2), await file(7, 7)];
  const paths = names(250);
  for (const [i, path] of paths.entries()) host.put(path, i < 150 ? small : large);
  const words = await sizesInWords(paths, host);
  assert.match(words ?? "", /^the first 200 pictures have 2 sizes, 150 of them 1×2; --size 2x1 /);
  host.put("/p/100.png", "no picture");
  const fewer = await sizesInWords(paths, host);
  assert.match(fewer ?? "", /^199 of the first 200 pictures have 2 sizes, 149 of them 1×2; /);
  assert.is(await sizesInWords(paths.slice(0, 1), host), undefined);
});

test.run();
