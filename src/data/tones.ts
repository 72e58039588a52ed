import { checkCounts } from "../gpu/arguments.ts";
import { drawFactors, FACTOR_STREAMS, STYLES, styleOf } from "./factors.ts";
import { uniform } from "./hash.ts";
import { soundNames, synthesise } from "./sounds.ts";
import { BANDS, FRAMES, SAMPLES, spectrogram } from "./spectrogram.ts";
import type { Attribute, Dataset, Split } from "./types.ts";

/**
 * The procedural set `tones`: log-magnitude spectrograms of one second of sound, [32 bands, 32 frames, 1],
 * from known, independent factors. A waveform is synthesised and its short-time spectrum computed, with
 * operations that IEEE 754 rounds exactly (see exact.ts): the same seed has the same bits on every runtime.
 */
export const toneHeight = BANDS;
export const toneWidth = FRAMES;

/** Names of the eight classes, in label order. */
export const toneNames: readonly string[] = soundNames;

/**
 * The factors, in the order of a row of `Split.factors.values`: the class; the pitch in octaves above
 * the lowest band (125 Hz); the loudness in decibels relative to full scale, with room for beats; the onset in seconds; the brightness, which is the
 * amplitude of a partial relative to the one below it; the rate in events a second (see sounds.ts; the
 * steady tone does not show it). All but the class are uniform over [low, high).
 */
export const toneFactors = [
  { name: "class", low: 0, high: 8 },
  { name: "pitch", low: 0.5, high: 2 },
  { name: "loudness", low: -21, high: -3 },
  { name: "onset", low: 0.05, high: 0.45 },
  { name: "brightness", low: 0.3, high: 0.8 },
  { name: "rate", low: 3, high: 7 },
] as const;

/** The style: a third of the pitches and a third of the onsets, which do not depend on the class. */
export const toneStyle: Attribute = {
  name: "style",
  classes: STYLES,
  meaning: "third of the pitches × third of the onsets",
};

/** Keeps the random numbers apart from those of other procedural sets. */
const FIRST_STREAM = 2000;

/**
 * Makes `count` spectrograms: number i has class i mod 8, so every prefix is balanced; all else depends
 * on (seed, stream, i) only. Different streams give independent sounds.
 */
export function makeTones(count: number, seed: number, stream: number): Split<Uint8Array> {
  const pixels = toneHeight * toneWidth;
  const images = new Uint8Array(count * pixels);
  const labels = new Uint8Array(count);
  const values = new Float32Array(count * toneFactors.length);
  const styles = new Uint8Array(count);
  const samples = new Float64Array(SAMPLES);
  for (let i = 0; i < count; i++) {
    const row = values.subarray(i * toneFactors.length, (i + 1) * toneFactors.length);
    drawFactors(toneFactors, seed, FIRST_STREAM + stream, i, row);
    // Made from the stored float32 values, so that the factors say exactly what is heard.
    const [label = 0, pitch = 0, loudness = 0, onset = 0, brightness = 0, rate = 0] = row;
    labels[i] = label;
    styles[i] = styleOf(toneFactors, ["pitch", pitch], ["onset", onset]);
    // The class takes no random number, so its stream is free for the noise.
    const noise = (n: number) =>
      uniform(seed, (FIRST_STREAM + stream) * FACTOR_STREAMS, i * SAMPLES + n);
    const sound = { label, pitch, loudness, onset, brightness, rate };
    const from = synthesise(sound, noise, samples);
    spectrogram(samples, images.subarray(i * pixels, (i + 1) * pixels), from);
  }
  const factors = { names: toneFactors.map((f) => f.name), values };
  return { images, labels, count, factors, attributes: { style: styles } };
}

/** `tones` with another size or seed than the named set's. */
export function loadTones(train = 8_000, test = 2_000, seed = 1): Dataset<Uint8Array> {
  checkCounts("loadTones", { train, test, seed });
  return {
    name: "tones",
    train: makeTones(train, seed, 0),
    test: makeTones(test, seed, 1),
    attributes: [toneStyle],
    height: toneHeight,
    width: toneWidth,
    channels: 1,
    classes: toneNames.length,
    classNames: toneNames,
  };
}
