import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type ImageBatch, imageGrid, pairGrid, tileGrid } from "../../src/figures/grid.ts";
import type { Picture } from "../../src/formats/png.ts";
import { ShapeError } from "../../src/gpu/errors.ts";
import { rejects } from "../support/rejects.ts";

const test = suite("grid");

/** Images of 2×3 pixels; image i has the grey value grey[i] all over. */
function batch(...grey: number[]): ImageBatch {
  const values = Float32Array.from(grey.flatMap((value) => Array(6).fill(value)));
  return { values, count: grey.length, height: 2, width: 3, channels: 1 };
}

function at({ pixels, width }: Picture, x: number, y: number): number[] {
  return [...pixels.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

const background = [9, 8, 7] as const;

test("lays images out in rows with margin and gap, enlarged by whole factors", () => {
  const options = { columns: 2, scale: 2, gap: 1, margin: 3, background };
  const grid = imageGrid(batch(0, 0.5, 1), options);
  assert.equal([grid.width, grid.height], [2 * 3 + 2 * 6 + 1, 2 * 3 + 2 * 4 + 1]);
  assert.equal(at(grid, 0, 0), [9, 8, 7]);
  assert.equal(at(grid, 3, 3), [0, 0, 0]);
  assert.equal(at(grid, 8, 6), [0, 0, 0]);
  assert.equal(at(grid, 9, 3), [9, 8, 7]);
  assert.equal(at(grid, 10, 3), [128, 128, 128]);
  assert.equal(at(grid, 3, 8), [255, 255, 255]);
  assert.equal(at(grid, 10, 8), [9, 8, 7], "an empty place has the background");
});

test("breaks between columns are wider", () => {
  const options = { columns: 3, scale: 1, gap: 1, margin: 0, background, breaks: [1, 2] };
  const grid = imageGrid(batch(0, 0.2, 0.4), options);
  assert.is(grid.width, 3 * 3 + 2 * 1 + 2 * 3);
  assert.equal([at(grid, 2, 0)[0], at(grid, 3, 0)[0], at(grid, 6, 0)[0]], [0, 9, 9]);
  assert.equal([at(grid, 7, 0)[0], at(grid, 14, 0)[0]], [51, 102]);
});

test("keeps pixel order and colour, and clamps", () => {
  const values = Float32Array.of(-1, 0, 2, 0.2, Number.NaN, 0.4);
  const image = { values, count: 1, height: 1, width: 2, channels: 3 };
  const grid = imageGrid(image, { scale: 1, margin: 0 });
  assert.equal([...grid.pixels], [0, 0, 255, 51, 0, 102]);
});

test("pairs stand with the original right above its reconstruction", () => {
  const options = { columns: 2, scale: 1, gap: 1, margin: 0, background };
  const grid = pairGrid(batch(0, 0.2, 0.4), batch(1, 0.8, 0.6), options);
  assert.equal([grid.width, grid.height], [7, 2 * (2 + 1 + 2) + 3]);
  assert.equal([at(grid, 0, 0)[0], at(grid, 0, 3)[0]], [0, 255]);
  assert.equal([at(grid, 4, 0)[0], at(grid, 4, 3)[0]], [51, 204]);
  assert.equal([at(grid, 0, 8)[0], at(grid, 0, 11)[0]], [102, 153]);
  assert.equal(at(grid, 0, 2), [9, 8, 7]);
  assert.equal(at(grid, 0, 6), [9, 8, 7]);
});

test("tiles have no gaps", () => {
  const grid = tileGrid(batch(0, 0.2, 0.4, 0.6), { scale: 1, margin: 0 });
  assert.equal([grid.width, grid.height], [6, 4]);
  assert.equal([at(grid, 2, 0)[0], at(grid, 3, 0)[0], at(grid, 3, 2)[0]], [0, 51, 153]);
});

test("small images are enlarged to about 56 pixels", () => {
  const values = new Float32Array(784);
  const grid = imageGrid({ values, count: 1, height: 28, width: 28, channels: 1 });
  assert.equal([grid.width, grid.height], [56 + 24, 56 + 24]);
});

test("refuses shapes that do not fit", async () => {
  const short = { ...batch(0, 1), count: 3 };
  await rejects(
    () => imageGrid(short),
    ShapeError,
    /imageGrid: 12 values for images \[3, 2, 3, 1\]/,
  );
  const four = { ...batch(0, 1), channels: 4 };
  await rejects(
    () => imageGrid(four),
    ShapeError,
    /^imageGrid: images\.channels is \d+, wanted 1 \(grey\) or 3 \(RGB\)$/,
  );
  const pairs = () => pairGrid(batch(0, 1), batch(0));
  await rejects(
    pairs,
    ShapeError,
    /originals \[2, 2, 3, 1\] and reconstructions \[1, 2, 3, 1\] differ/,
  );
});

test.run();
