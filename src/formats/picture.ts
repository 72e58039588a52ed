import { resizeAndCrop, type Size, upright } from "./resample.ts";

/** What is done to every picture before it is trained on. */
export interface PictureOptions {
  /** Resize and crop to this; without it pictures keep their size. */
  readonly size?: Size | undefined;
  /** Make one channel of three. */
  readonly grey?: boolean | undefined;
  /** What shines through where a picture is transparent: red, green, blue; default black. */
  readonly background?: readonly [number, number, number] | undefined;
}

/** A picture as a decoder gives it. */
export interface DecodedPicture {
  readonly width: number;
  readonly height: number;
  /** 1: grey; 3: RGB; 4: RGB and opacity. */
  readonly samples: 1 | 3 | 4;
  /** [height, width, samples], 8 bits each. */
  readonly pixels: Uint8Array;
  /** No pixel has a colour, by what the file says. */
  readonly grey: boolean;
  /** How it is to be turned: EXIF's orientation, 1 to 8; default 1, not at all. */
  readonly orientation?: number;
}

/** `pixels` is [height, width, channels], 8 bits a sample; 1 channel is grey, 3 are RGB. */
export interface PreparedPicture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array;
  /** Some of it is not opaque, so that the background counts. */
  readonly transparent: boolean;
}

/** A picture and what its file held. */
export interface PictureFile extends PreparedPicture {
  /** Of the file's bytes, as 64 hexadecimal digits. */
  readonly sha256: string;
}

const black = [0, 0, 0] as const;

/**
 * Blends a picture onto the background, makes it grey where that is asked for, turns it upright, and
 * resizes it: in this order, each step rounded to bytes. The same bits on every runtime.
 */
export function preparePicture(
  decoded: DecodedPicture,
  options: PictureOptions = {},
): PreparedPicture {
  const { background = black, size } = options;
  const transparent = hasTransparency(decoded);
  const colourless = background[0] === background[1] && background[1] === background[2];
  const grey = decoded.grey && (!transparent || colourless);
  const channels = grey || options.grey ? 1 : 3;
  const blended = blend(decoded, background, grey ? 1 : 3);
  const flat = channels === 1 && !grey ? toGrey(blended) : blended;
  const turned = upright({ ...decoded, channels, pixels: flat }, decoded.orientation ?? 1);
  const { width, height, pixels } = size ? resizeAndCrop(turned, size) : turned;
  return { width, height, channels, pixels, transparent };
}

function hasTransparency({ samples, pixels }: DecodedPicture): boolean {
  if (samples !== 4) return false;
  for (let i = 3; i < pixels.length; i += 4) if (pixels[i] !== 255) return true;
  return false;
}

/** From [pixels, samples] to [pixels, channels], on the background. */
function blend(
  { samples, pixels }: DecodedPicture,
  background: readonly [number, number, number],
  channels: 1 | 3,
): Uint8Array {
  if (samples === channels) return pixels;
  const count = pixels.length / samples;
  const out = new Uint8Array(count * channels);
  for (let i = 0; i < count; i++) {
    const opacity = samples === 4 ? pixels[4 * i + 3]! : 255;
    for (let c = 0; c < channels; c++) {
      const ink = pixels[samples * i + (samples === 1 ? 0 : c)]! * opacity;
      out[i * channels + c] = Math.floor((ink + background[c]! * (255 - opacity)) / 255 + 0.5);
    }
  }
  return out;
}

/**
 * From [pixels, 3] to [pixels, 1]: the luma of ITU-R BT.601, 0.299 R + 0.587 G + 0.114 B, in
 * fixed-point numbers of 16 bits.
 */
export function toGrey(rgb: Uint8Array): Uint8Array {
  const out = new Uint8Array(rgb.length / 3);
  for (let i = 0; i < out.length; i++) {
    const [red, green, blue] = [rgb[3 * i]!, rgb[3 * i + 1]!, rgb[3 * i + 2]!];
    out[i] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
  }
  return out;
}
