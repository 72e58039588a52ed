import { suite } from "uvu";
import * as assert from "uvu/assert";
import { loadDataset } from "../../src/data/datasets.ts";
import { uniform } from "../../src/data/hash.ts";
import { type Sound, synthesise } from "../../src/data/sounds.ts";
import { MARGIN, SAMPLE_RATE, SAMPLES, spectrogram } from "../../src/data/spectrogram.ts";
import { makeTones, toneFactors, toneNames } from "../../src/data/tones.ts";
import { checkFactors, checkStyles, factor } from "../support/factors.ts";
import { fingerprint } from "../support/fingerprint.ts";
import { MemoryHost } from "../support/memory-host.ts";

const test = suite("tones");

/** Bytes for a decibel. */
const DECIBEL = 255 / 60;

function wave(name: string, change: Partial<Sound>): Float64Array {
  const label = toneNames.indexOf(name);
  const sound = { label, pitch: 1, loudness: -6, onset: 0.11, brightness: 0.5, rate: 4, ...change };
  const samples = new Float64Array(SAMPLES);
  synthesise(sound, (n) => uniform(7, 0, n), samples);
  return samples;
}

/** The spectrogram as [band][frame], band 0 the lowest. */
function bands(name: string, change: Partial<Sound> = {}): number[][] {
  const image = new Uint8Array(32 * 32);
  spectrogram(wave(name, change), image);
  return Array.from({ length: 32 }, (_, b) => [...image.subarray((31 - b) * 32, (32 - b) * 32)]);
}

/** The band with most power in a frame, to a fraction of a band by the parabola through its neighbours. */
function peak(spectrum: number[][], frame: number): number {
  const column = spectrum.map((row) => row[frame]!);
  const b = column.indexOf(Math.max(...column));
  const [l, m, r] = [column[b - 1] ?? 0, column[b]!, column[b + 1] ?? 0];
  return b + (l - r) / (l - 2 * m + r) / 2;
}

/** Mean square from `from` to `to` seconds. */
function power(samples: Float64Array, from: number, to: number): number {
  const part = samples.subarray(MARGIN + from * SAMPLE_RATE, MARGIN + to * SAMPLE_RATE);
  return part.reduce((sum, x) => sum + x * x, 0) / part.length;
}

/** How often the values rise through their middle. */
function cycles(values: number[]): number {
  const middle = (Math.max(...values) + Math.min(...values)) / 2;
  return values.filter((value, i) => i > 0 && values[i - 1]! < middle && value >= middle).length;
}

const near = (value: number, expected: number, slack: number, what = "") =>
  assert.ok(Math.abs(value - expected) <= slack, `${what} is ${value}, expected ${expected}`);

test("has the same bits on every runtime", () => {
  const { images, factors } = makeTones(400, 1, 0);
  assert.is(fingerprint(images), "dcdf3b4b");
  assert.is(fingerprint(new Uint8Array(factors!.values.buffer)), "305b0cd8");
});

test("has the stated sizes, balanced classes and independent factors within their ranges", async () => {
  const data = await loadDataset("tones", { host: new MemoryHost() });
  const { train, test: held } = data;
  assert.equal([train.count, held.count, data.classes], [8_000, 2_000, 8]);
  assert.equal([data.height, data.width, data.channels], [32, 32, 1]);
  assert.is(train.images.length, 8_000 * 32 * 32);
  assert.equal(
    [...data.classNames],
    ["steady", "rise", "fall", "vibrato", "pluck", "burst", "beat", "pulses"],
  );
  checkFactors(train, toneFactors);
  checkFactors(held, toneFactors);
  assert.equal(
    data.attributes?.map(({ name, classes }) => [name, classes]),
    [["style", 9]],
  );
  checkStyles(train, 8);
  let clipped = 0;
  for (const value of train.images) if (value === 255) clipped++;
  assert.ok(clipped < 1e-4 * train.images.length, `${clipped} bytes are at full scale`);
});

test("has styles that say the thirds of pitch and onset", () => {
  const split = makeTones(300, 1, 0);
  const [pitches, onsets] = [factor(split, "pitch"), factor(split, "onset")];
  split.attributes!.style!.forEach((style, i) => {
    const onset = Math.floor((3 * (onsets[i]! - 0.05)) / 0.4);
    assert.is(style, 3 * Math.floor((pitches[i]! - 0.5) / 0.5) + onset);
  });
});

test("depends on seed, stream and index alone", () => {
  const many = makeTones(24, 3, 0);
  const few = makeTones(7, 3, 0);
  assert.equal(many.images.subarray(0, few.images.length), few.images);
  assert.equal(many.factors!.values.subarray(0, few.factors!.values.length), few.factors!.values);
  assert.not.equal(many.images, makeTones(24, 4, 0).images);
  assert.not.equal(many.images, makeTones(24, 3, 1).images);
});

test("an octave of pitch is 8 bands, in every class", () => {
  for (let eighths = 4; eighths <= 16; eighths++)
    near(peak(bands("steady", { pitch: eighths / 8 }), 20), eighths, 0.3, "peak");
  // Noise has no exact peak: its power above half its maximum is centred on the pitch.
  for (const name of toneNames.filter((name) => name !== "burst")) {
    const low = bands(name, { pitch: 0.75 });
    const high = bands(name, { pitch: 1.5 });
    near(peak(high, 6) - peak(low, 6), 6, 0.5, name);
  }
  const centre = (pitch: number) => {
    const spectrum = bands("burst", { pitch, rate: 3 });
    const powers = spectrum.map((row) =>
      row.slice(5, 12).reduce((sum, x) => sum + 10 ** (x / DECIBEL / 10), 0),
    );
    const sum = powers.reduce((a, b) => a + b);
    return powers.reduce((at, p, b) => at + (p * b) / sum, 0);
  };
  near(centre(1.75) - centre(0.75), 8, 1.5, "burst");
});

test("loudness is the mean square, in decibels, and adds as many to every band", () => {
  for (const loudness of [-20, -3])
    near(10 * Math.log10(power(wave("steady", { loudness }), 0.2, 1)), loudness, 0.1, "steady");
  for (const name of toneNames) {
    const quiet = bands(name, { loudness: -16 }).flat();
    const loud = bands(name, { loudness: -6 }).flat();
    let compared = 0;
    quiet.forEach((value, i) => {
      if (value === 0) return;
      near(loud[i]! - value, 10 * DECIBEL, 1, name);
      compared++;
    });
    assert.ok(compared > 30, `${name}: ${compared}`);
  }
});

test("other kinds are as loud as the steady one while they sound", () => {
  for (const name of ["rise", "fall", "vibrato", "beat"])
    near(10 * Math.log10(power(wave(name, {}), 0.15, 0.9)), -6, 0.4, name);
  let sum = 0;
  for (let k = 0; k < 8; k++) {
    const samples = new Float64Array(SAMPLES);
    const sound = { label: 5, pitch: 1, loudness: 0, onset: 0.1, brightness: 0.6, rate: 3 };
    synthesise(sound, (n) => uniform(k, 0, n), samples);
    sum += power(samples, 0.13, 0.4) / 8;
  }
  near(10 * Math.log10(sum), 0, 1, "burst");
});

test("a steady tone is silent before its onset and constant after it", () => {
  const samples = wave("steady", { onset: 0.3 });
  assert.is(power(samples, 0, 0.2997), 0);
  const before = power(samples, 0.35, 0.6);
  near(power(samples, 0.7, 0.95) / before, 1, 0.02, "power");
  for (const row of bands("steady", { onset: 0.3 })) {
    // The window of frame 12 begins 69 ms after the onset.
    const after = row.slice(12).filter((_, i) => row[12 + i]! > 60);
    if (after.length > 0) assert.ok(Math.max(...after) - Math.min(...after) <= 3, `${row}`);
    assert.ok(
      row.slice(0, 8).every((value) => value === 0),
      `${row}`,
    );
  }
});

test("moving the onset by four frames moves the picture by four columns", () => {
  for (const name of toneNames.filter((name) => name !== "burst")) {
    const early = bands(name, { onset: 0.1101 });
    const late = bands(name, { onset: 0.1101 + 4 * 0.032 });
    early.forEach((row, b) => {
      for (let frame = 0; frame < 28; frame++)
        near(late[b]![frame + 4]!, row[frame]!, 1, `${name}, band ${b}, frame ${frame}`);
    });
  }
});

test("brightness is the step from one partial to the next", () => {
  const step = (brightness: number) => {
    const spectrum = bands("steady", { brightness });
    return (spectrum[16]![20]! - spectrum[8]![20]!) / DECIBEL;
  };
  near(step(0.8) - step(0.4), 20 * Math.log10(2), 0.5, "step");
  const width = (brightness: number) => {
    const spectrum = bands("burst", { brightness, rate: 3, pitch: 2 });
    const column = spectrum.map((row) => row.slice(5, 12).reduce((sum, x) => sum + x / 7, 0));
    return column.reduce((sum, x) => sum + x, 0) / Math.max(...column);
  };
  assert.ok(width(0.8) > width(0.3) + 1, `${width(0.3)} to ${width(0.8)}`);
});

test("rate: glides cross rate/3 octaves a second, up or down, an octave in all", () => {
  for (const [name, sign] of [
    ["rise", 1],
    ["fall", -1],
  ] as const) {
    const slow = bands(name, { rate: 3 });
    // 10 frames are 0.32 s.
    near(peak(slow, 20) - peak(slow, 10), sign * 8 * 0.32, 0.3, name);
    const fast = bands(name, { rate: 6 });
    near(peak(fast, 16) - peak(fast, 8), sign * 16 * 0.256, 0.3, name);
    near(peak(fast, 28), 8 + sign * 4, 0.3, `end of ${name}`);
    near(peak(fast, 31), peak(fast, 24), 0.1, `end of ${name}`);
  }
});

test("rate: swings, beats and pulses a second", () => {
  const frames = Array.from({ length: 27 }, (_, i) => i + 5);
  for (const rate of [3.3, 5, 6.7]) {
    const swings = bands("vibrato", { rate });
    near(cycles(frames.map((frame) => peak(swings, frame))), 27 * 0.032 * rate, 1, "vibrato");
    const depth = frames.map((frame) => peak(swings, frame));
    // A quarter of an octave is two bands; the window smooths it.
    assert.ok(Math.max(...depth) < 10.2 && Math.max(...depth) > 9, `${depth}`);
    assert.ok(Math.min(...depth) > 5.8 && Math.min(...depth) < 7, `${depth}`);
    for (const name of ["beat", "pulses"])
      near(cycles(bands(name, { rate })[8]!.slice(5)), 27 * 0.032 * rate, 1, `${name} at ${rate}`);
  }
});

test("rate: a pluck's amplitude halves rate times a second, a burst lasts 1/rate", () => {
  for (const rate of [3, 6]) {
    const row = bands("pluck", { rate })[8]!;
    near((row[18]! - row[8]!) / DECIBEL, -rate * 0.32 * 20 * Math.log10(2), 0.5, "first partial");
    const second = bands("pluck", { rate })[16]!;
    near((second[14]! - second[8]!) / DECIBEL, -1.5 * rate * 0.192 * 20 * Math.log10(2), 0.7);
    const burst = wave("burst", { rate });
    const last = burst.findLastIndex((x) => x !== 0);
    near((last - MARGIN) / SAMPLE_RATE, 0.11 + 1 / rate, 0.01, "end of burst");
  }
});

test("classes are told apart by their nearest neighbour", () => {
  const train = makeTones(1600, 1, 0);
  const held = makeTones(80, 1, 1);
  let right = 0;
  for (let i = 0; i < held.count; i++) {
    let [best, label] = [Number.POSITIVE_INFINITY, -1];
    for (let j = 0; j < train.count; j++) {
      let sum = 0;
      for (let p = 0; p < 1024; p++)
        sum += (held.images[i * 1024 + p]! - train.images[j * 1024 + p]!) ** 2;
      if (sum < best) [best, label] = [sum, train.labels[j]!];
    }
    if (label === held.labels[i]) right++;
  }
  assert.ok(right / held.count > 0.6, `accuracy ${right / held.count}`);
});

test.run();
