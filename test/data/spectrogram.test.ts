import { suite } from "uvu";
import * as assert from "uvu/assert";
import { uniform } from "../../src/data/hash.ts";
import { BANDS, FRAMES, SAMPLES, spectrogram } from "../../src/data/spectrogram.ts";

const test = suite("spectrogram");

/** Levels in decibels [32, 32], straight from the definition. */
function levels(samples: Float64Array): Float64Array {
  const out = new Float64Array(BANDS * FRAMES);
  const centre = (b: number) => 125 * 2 ** (b / 8);
  for (let frame = 0; frame < FRAMES; frame++) {
    const powers = Array.from({ length: 128 }, (_, k) => {
      let [re, im] = [0, 0];
      for (let n = 0; n < 256; n++) {
        const x = samples[frame * 128 + n]! * Math.sin((Math.PI * n) / 256) ** 2;
        re += x * Math.cos((2 * Math.PI * k * n) / 256);
        im += x * Math.sin((2 * Math.PI * k * n) / 256);
      }
      return (re ** 2 + im ** 2) / (256 ** 2 * (3 / 16));
    });
    for (let b = 0; b < BANDS; b++) {
      const below = Math.max(15.625, centre(b) - centre(b - 1));
      const above = Math.max(15.625, centre(b + 1) - centre(b));
      const power = powers.reduce((sum, p, k) => {
        const away = k * 15.625 - centre(b);
        return sum + p * Math.max(0, 1 - (away < 0 ? -away / below : away / above));
      }, 0);
      out[(BANDS - 1 - b) * FRAMES + frame] = 10 * Math.log10(power + 1e-30);
    }
  }
  return out;
}

/** Largest difference between the bytes and the definition, in bytes. */
function error(samples: Float64Array): number {
  const image = new Uint8Array(BANDS * FRAMES);
  spectrogram(samples, image);
  return levels(samples).reduce((most, level, i) => {
    const expected = Math.min(255, Math.max(0, (255 * (level + 60)) / 60));
    return Math.max(most, Math.abs(image[i]! - expected));
  }, 0);
}

test("agrees with the definition, rounded to the nearest byte", () => {
  const loud = Float64Array.from({ length: SAMPLES }, (_, n) => 4 * (uniform(5, 1, n) - 0.5));
  const faint = loud.map((x, n) => (x * n) / SAMPLES / 30);
  for (const samples of [loud, faint]) {
    const most = error(samples);
    assert.ok(most < 0.5 + 1e-6, `${most}`);
  }
});

test("a sine of mean square 1 in a band's middle nearly reaches full scale", () => {
  const samples = Float64Array.from(
    { length: SAMPLES },
    (_, n) => Math.SQRT2 * Math.sin((2 * Math.PI * 1000 * n) / 4000),
  );
  const image = new Uint8Array(BANDS * FRAMES);
  spectrogram(samples, image);
  // 1000 Hz are three octaves above the lowest band.
  const row = image.subarray((31 - 24) * FRAMES, (31 - 23) * FRAMES);
  assert.ok(
    row.every((value) => value === 254),
    `${row}`,
  );
});

test("silence is black, and frames before the first sound may be left out", () => {
  const samples = new Float64Array(SAMPLES);
  const image = new Uint8Array(BANDS * FRAMES).fill(9);
  spectrogram(samples, image);
  assert.ok(image.every((value) => value === 0));
  for (const from of [300, 511, 512, 639, 640, 641, 1000]) {
    samples.fill(0).fill(1, from);
    spectrogram(samples, image);
    const all = image.slice();
    spectrogram(samples, image, from);
    assert.equal(image, all);
  }
});

test.run();
