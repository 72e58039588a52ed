import { cosTurns, exp2, exp10, sinTurns } from "./exact.ts";
import { LOWEST_BAND, MARGIN, SAMPLE_RATE, SAMPLES } from "./spectrogram.ts";

/** What a sound is made from; `label` is its kind. Units as in `toneFactors`. */
export interface Sound {
  label: number;
  pitch: number;
  loudness: number;
  onset: number;
  brightness: number;
  rate: number;
}

/** A kind of sound. `t` is the time since the onset in seconds; what is absent changes nothing. */
interface Kind {
  readonly name: string;
  /** Octaves above the sound's pitch. */
  readonly bend?: (t: number, rate: number) => number;
  /** Factor of the amplitude, from 0 to 1. */
  readonly gate?: (t: number, rate: number) => number;
  /** Octaves that the amplitude of the first partial falls each second; higher ones fall faster. */
  readonly decay?: (rate: number) => number;
  /** Hertz between two voices. */
  readonly beat?: (rate: number) => number;
  /** Filtered noise instead of partials. */
  readonly noise?: boolean;
}

/** From 0 to 1 while `t` goes from 0 to 1. */
const ramp = (t: number) => Math.min(1, Math.max(0, t));

/** Seconds over which a sound, or a pulse, comes and goes. */
const ATTACK = 0.016;

/** The kinds, in label order. */
const kinds: readonly Kind[] = [
  { name: "steady" },
  // An octave about the pitch, at rate/3 octaves a second.
  { name: "rise", bend: (t, rate) => ramp((rate / 3) * t) - 0.5 },
  { name: "fall", bend: (t, rate) => 0.5 - ramp((rate / 3) * t) },
  { name: "vibrato", bend: (t, rate) => 0.25 * sinTurns(rate * t) },
  { name: "pluck", decay: (rate) => rate },
  { name: "burst", noise: true, gate: (t, rate) => ramp((1 / rate - t) / ATTACK) },
  { name: "beat", beat: (rate) => rate },
  { name: "pulses", gate: pulse },
];

/** On for two fifths of each period, with soft edges. */
function pulse(t: number, rate: number): number {
  const within = (rate * t - Math.floor(rate * t)) / rate;
  return Math.min(ramp(within / ATTACK), ramp((0.4 / rate - within) / ATTACK));
}

/** Names of the kinds, in label order. */
export const soundNames: readonly string[] = /* @__PURE__ */ kinds.map((kind) => kind.name);

/** Partials of a tone at most. */
const PARTIALS = 8;

/** Hertz over which a partial fades out towards half the sampling rate, so that none is folded back. */
const FADE = { from: 1750, to: 1950 };

/** Samples over which frequency is constant and amplitude linear: 8 ms. */
const BLOCK = 32;

const bendOf = (kind: Kind, t: number, rate: number) => kind.bend?.(t, rate) ?? 0;
const gateOf = (kind: Kind, t: number, rate: number) =>
  ramp(t / ATTACK) * (kind.gate?.(t, rate) ?? 1);

/**
 * Synthesises `sound` into `samples` [SAMPLES], where sample MARGIN is at time 0; returns the first
 * sample that may not be 0. `noise` gives a number from 0 to 1 for each sample. At a loudness of 0 the
 * mean square of a lasting sound is 1.
 */
export function synthesise(
  sound: Sound,
  noise: (sample: number) => number,
  samples: Float64Array,
): number {
  samples.fill(0);
  const kind = kinds[sound.label] as Kind;
  const first = Math.floor(sound.onset * SAMPLE_RATE + MARGIN);
  if (kind.noise) addNoise(sound, first, noise, samples);
  else {
    const beat = kind.beat?.(sound.rate) ?? 0;
    const share = beat > 0 ? Math.sqrt(0.5) : 1;
    addTone(kind, sound, first, beat / 2, share, samples);
    if (beat > 0) addTone(kind, sound, first, -beat / 2, share, samples);
  }
  const loudness = exp10(sound.loudness / 20);
  // Seconds from the onset to the first sample, which comes less than a sample earlier.
  const lead = (first - MARGIN) / SAMPLE_RATE - sound.onset;
  for (let start = first; start < SAMPLES; start += BLOCK) {
    const t = lead + (start - first) / SAMPLE_RATE;
    const from = loudness * gateOf(kind, t, sound.rate);
    const to = loudness * gateOf(kind, t + BLOCK / SAMPLE_RATE, sound.rate);
    const end = Math.min(SAMPLES, start + BLOCK);
    for (let n = start; n < end; n++) samples[n]! *= from + ((to - from) * (n - start)) / BLOCK;
  }
  return first;
}

/** Adds a voice: partials of mean square `share`², whose frequency is moved by `offset` hertz. */
function addTone(
  kind: Kind,
  sound: Sound,
  first: number,
  offset: number,
  share: number,
  samples: Float64Array,
): void {
  const decay = kind.decay?.(sound.rate) ?? 0;
  const amplitudes = new Float64Array(PARTIALS);
  // The phase as a point on the unit circle, turned by one sample's angle from sample to sample.
  let [cos, sin] = [1, 0];
  for (let start = first; start < SAMPLES; start += BLOCK) {
    const t = (start - first) / SAMPLE_RATE;
    const octaves = sound.pitch + bendOf(kind, t, sound.rate);
    const hertz = LOWEST_BAND * exp2(octaves) + offset;
    const count = partials(hertz, sound.brightness, share, amplitudes);
    if (decay > 0) {
      // Each partial falls by half the first one's speed more than the one below it.
      const step = exp2((-decay * t) / 2);
      let factor = step;
      for (let k = 0; k < count; k++) {
        factor *= step;
        amplitudes[k]! *= factor;
      }
    }
    const turnCos = cosTurns(hertz / SAMPLE_RATE);
    const turnSin = sinTurns(hertz / SAMPLE_RATE);
    const end = Math.min(SAMPLES, start + BLOCK);
    for (let n = start; n < end; n++) {
      // Clenshaw's recurrence for Σ aₖ sin kφ.
      let one = 0;
      let two = 0;
      for (let k = count - 1; k >= 0; k--) {
        const next = amplitudes[k]! + 2 * cos * one - two;
        two = one;
        one = next;
      }
      samples[n]! += sin * one;
      const turned = cos * turnCos - sin * turnSin;
      sin = sin * turnCos + cos * turnSin;
      cos = turned;
    }
  }
}

/**
 * Amplitudes of the partials of a tone of mean square `share`²: each is `brightness` times the one
 * below it. Returns how many there are below half the sampling rate.
 */
function partials(
  hertz: number,
  brightness: number,
  share: number,
  amplitudes: Float64Array,
): number {
  let amplitude = 1;
  let squares = 0;
  let count = 0;
  while (count < PARTIALS && (count + 1) * hertz < FADE.to) {
    const kept = amplitude * ramp((FADE.to - (count + 1) * hertz) / (FADE.to - FADE.from));
    amplitudes[count] = kept;
    squares += kept * kept;
    amplitude *= brightness;
    count++;
  }
  const scale = share * Math.sqrt(2 / squares);
  for (let k = 0; k < count; k++) amplitudes[k]! *= scale;
  return count;
}

/** Adds noise of mean square 1 about the pitch; the brighter, the wider its band. */
function addNoise(
  { pitch, brightness }: Sound,
  first: number,
  noise: (sample: number) => number,
  samples: Float64Array,
): void {
  const angle = (LOWEST_BAND * exp2(pitch)) / SAMPLE_RATE;
  // A resonator with two poles, r·e^±iω; the width of its peak is 200 · brightness hertz.
  const r = 1 - (Math.PI * 200 * brightness) / SAMPLE_RATE;
  const square = r * r;
  const back = 2 * r * cosTurns(angle);
  const gain = ((1 - square) * ((1 + square) * (1 + square) - back * back)) / (1 + square);
  // White noise of mean square 1 comes out with mean square 1 (the variance of a process AR(2)).
  const scale = Math.sqrt(12 * gain);
  let [one, two] = [0, 0];
  for (let n = first; n < SAMPLES; n++) {
    const next = scale * (noise(n) - 0.5) + back * one - square * two;
    samples[n]! += next;
    two = one;
    one = next;
  }
}
