import { suite } from "uvu";
import * as assert from "uvu/assert";
import { toRgba } from "../../src/figures/rgba.ts";

const test = suite("pixels for canvases");

test("grey and colours, opaque", () => {
  const size = { width: 2, height: 1 };
  const grey = toRgba({ ...size, channels: 1, pixels: Uint8Array.of(7, 200) });
  assert.equal([...grey], [7, 7, 7, 255, 200, 200, 200, 255]);
  const colours = toRgba({ ...size, channels: 3, pixels: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  assert.equal([...colours], [1, 2, 3, 255, 4, 5, 6, 255]);
});

test.run();
