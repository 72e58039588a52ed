import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseColour, parseSize } from "../../src/data/picture-values.ts";
import { preparePicture, toGrey } from "../../src/formats/picture.ts";

const test = suite("preparing pictures");

const rgba = (...pixels: number[]) => ({
  width: pixels.length / 4,
  height: 1,
  samples: 4 as const,
  grey: false,
  pixels: Uint8Array.from(pixels),
});

test("what is transparent lies on black, or on the background", () => {
  const ink = { ...rgba(0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 51), grey: true };
  const on = (background?: readonly [number, number, number]) =>
    preparePicture(ink, { background });
  assert.equal([on().channels, ...on().pixels], [1, 0, 0, 0]);
  assert.equal([...on([255, 255, 255]).pixels], [0, 255, 204]);
  const red = on([255, 0, 0]);
  assert.equal([red.channels, ...red.pixels], [3, 0, 0, 0, 255, 0, 0, 204, 0, 0]);
  assert.is(on().transparent, true);
  const opaque = { ...ink, pixels: Uint8Array.of(9, 9, 9, 255) };
  const { transparent, channels } = preparePicture(opaque, { background: [255, 0, 0] });
  assert.equal([transparent, channels], [false, 1], "a background that nobody sees adds no colour");
});

test("grey is the luma of the colours, after the background", () => {
  const colours = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 77, 77, 77);
  assert.equal([...toGrey(colours)], [76, 150, 29, 77]);
  const picture = preparePicture(rgba(0, 0, 0, 0), { grey: true, background: [0, 0, 255] });
  assert.equal([picture.channels, ...picture.pixels], [1, 29]);
});

test("sizes and colours as they are typed", () => {
  const size = (text: string) => parseSize(text)?.text;
  assert.equal(["32", "28x32", "28X32", "28×32"].map(size), ["32x32", "28x32", "28x32", "28x32"]);
  const wrong = ["", "0", "x", "32x", "x32", "4097", "32x0", "-3", "3.5", "32x32x3", "1e2"];
  assert.equal(wrong.map(size), Array(wrong.length).fill(undefined));
  const colour = (text: string) => parseColour(text)?.rgb;
  assert.equal(["white", "Grey", "gray", "#f80", "#0A0b0C"].map(colour), [
    [255, 255, 255],
    [128, 128, 128],
    [128, 128, 128],
    [255, 136, 0],
    [10, 11, 12],
  ]);
  const none = ["", "whit", "#12", "#12345", "ffffff", "#gggggg", "toString"];
  assert.equal(none.map(colour), Array(none.length).fill(undefined));
});

test.run();
