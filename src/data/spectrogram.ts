import { cosTurns, exp2, exp10, sinTurns } from "./exact.ts";

/** Samples per second. */
export const SAMPLE_RATE = 4000;
/** Frames of a spectrogram, bands of each, and samples from one frame to the next (32 ms). */
export const FRAMES = 32;
export const BANDS = 32;
export const HOP = 128;
/** Samples of one frame's window (64 ms). */
export const WINDOW = 256;
/** Samples before time 0, and as many after the end, so that frame f is centred on (f + ½) · HOP. */
export const MARGIN = (WINDOW - HOP) / 2;
/** Samples that make up a spectrogram, margins included. */
export const SAMPLES = FRAMES * HOP + 2 * MARGIN;

/** Centre of the lowest band in hertz; each octave has so many bands. */
export const LOWEST_BAND = 125;
export const BANDS_PER_OCTAVE = 8;

/** Decibels below full scale that a byte of 0 stands for; 255 stands for full scale. */
export const FLOOR = 60;

/** Weights of neighbouring bins of the Fourier transform in one band. */
interface Band {
  readonly first: number;
  readonly weights: Float64Array;
}

const bands: readonly Band[] = /* @__PURE__ */ Array.from({ length: BANDS }, (_, b) => makeBand(b));

/**
 * A triangle from the centre of the band below to that of the band above. Low bands lie closer together
 * than bins; there it is at least a bin wide to each side, so that no band falls between two bins.
 */
function makeBand(b: number): Band {
  const bin = SAMPLE_RATE / WINDOW;
  const centre = LOWEST_BAND * exp2(b / BANDS_PER_OCTAVE);
  const below = Math.max(bin, centre - LOWEST_BAND * exp2((b - 1) / BANDS_PER_OCTAVE));
  const above = Math.max(bin, LOWEST_BAND * exp2((b + 1) / BANDS_PER_OCTAVE) - centre);
  const first = Math.floor((centre - below) / bin) + 1;
  const weights: number[] = [];
  for (let k = first; k * bin < centre + above; k++) {
    const away = k * bin - centre;
    weights.push(1 - (away < 0 ? -away / below : away / above));
  }
  return { first, weights: Float64Array.from(weights) };
}

/** Hann's window. */
const hann = /* @__PURE__ */ Float64Array.from(
  { length: WINDOW },
  (_, n) => 0.5 - 0.5 * cosTurns(n / WINDOW),
);

/** Cosines and sines of n/WINDOW turns, for the first half turn. */
const cosines = /* @__PURE__ */ Float64Array.from({ length: WINDOW / 2 }, (_, n) =>
  cosTurns(n / WINDOW),
);
const sines = /* @__PURE__ */ Float64Array.from({ length: WINDOW / 2 }, (_, n) =>
  sinTurns(n / WINDOW),
);

/** Where the transform's input n is stored: n with its bits in reverse order. */
const reversed = /* @__PURE__ */ Uint16Array.from({ length: WINDOW }, (_, n) => {
  let bits = 0;
  for (let place = 1; place < WINDOW; place *= 2) bits = bits * 2 + (Math.floor(n / place) % 2);
  return bits;
});

/**
 * The Fourier transform of `re` + i·`im` [WINDOW each], which hold their input in reversed order; in
 * place, radix 2.
 */
function transform(re: Float64Array, im: Float64Array): void {
  for (let half = 1; half < WINDOW; half *= 2) {
    const step = WINDOW / 2 / half;
    for (let j = 0; j < half; j++) {
      const c = cosines[j * step]!;
      const s = sines[j * step]!;
      for (let a = j; a < WINDOW; a += 2 * half) {
        const b = a + half;
        const x = re[b]! * c + im[b]! * s;
        const y = im[b]! * c - re[b]! * s;
        re[b] = re[a]! - x;
        im[b] = im[a]! - y;
        re[a] = re[a]! + x;
        im[a] = im[a]! + y;
      }
    }
  }
}

/**
 * Powers that reach bytes of 1, 2, …, 255: half-way between two levels, in powers of the window's
 * transform. A steady sound of mean square 1 in a single band has full scale, since by Parseval the
 * squares over all positive frequencies add up to WINDOW · Σ hann² / 2 = WINDOW² · 3/16.
 */
const thresholds = /* @__PURE__ */ Float64Array.from(
  { length: 255 },
  (_, k) => (WINDOW * WINDOW * 3 * exp10(((k + 0.5) / 255 - 1) * (FLOOR / 10))) / 16,
);

/** The number of thresholds that a power reaches: its level in decibels, rounded, without a logarithm. */
function toByte(power: number): number {
  let low = 0;
  let high = thresholds.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (power >= thresholds[middle]!) low = middle + 1;
    else high = middle;
  }
  return low;
}

const re = /* @__PURE__ */ new Float64Array(WINDOW);
const im = /* @__PURE__ */ new Float64Array(WINDOW);
/** Powers of the bins of an even frame and of the odd one after it. */
const even = /* @__PURE__ */ new Float64Array(WINDOW / 2);
const odd = /* @__PURE__ */ new Float64Array(WINDOW / 2);

/**
 * The log-magnitude spectrogram of `samples` [SAMPLES] as bytes, into `image` [BANDS, FRAMES]: time runs
 * to the right, and the highest band is the top row, as one draws spectrograms. A byte is the power in
 * a band, in decibels relative to full scale: 0 at −60 dB and below, 255 at 0 dB.
 *
 * Samples before `from` have to be 0.
 */
export function spectrogram(samples: Float64Array, image: Uint8Array, from = 0): void {
  image.fill(0);
  for (let frame = 0; frame < FRAMES; frame += 2) {
    const start = frame * HOP;
    if (start + HOP + WINDOW <= from) continue;
    // Two frames at a time, as the real and the imaginary part.
    for (let n = 0; n < WINDOW; n++) {
      const at = reversed[n]!;
      re[at] = hann[n]! * samples[start + n]!;
      im[at] = hann[n]! * samples[start + HOP + n]!;
    }
    transform(re, im);
    for (let k = 1; k < WINDOW / 2; k++) {
      // The real part's spectrum is (Z_k + conj Z_-k) / 2, the imaginary part's (Z_k − conj Z_-k) / 2i.
      const xr = re[k]! + re[WINDOW - k]!;
      const xi = im[k]! - im[WINDOW - k]!;
      const yr = im[k]! + im[WINDOW - k]!;
      const yi = re[WINDOW - k]! - re[k]!;
      even[k] = (xr * xr + xi * xi) / 4;
      odd[k] = (yr * yr + yi * yi) / 4;
    }
    for (let b = 0; b < BANDS; b++) {
      const { first, weights } = bands[b]!;
      let one = 0;
      let two = 0;
      for (let w = 0; w < weights.length; w++) {
        one += weights[w]! * even[first + w]!;
        two += weights[w]! * odd[first + w]!;
      }
      const at = (BANDS - 1 - b) * FRAMES + frame;
      image[at] = toByte(one);
      image[at + 1] = toByte(two);
    }
  }
}
