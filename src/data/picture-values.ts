import type { PictureOptions } from "../formats/picture.ts";
import { largestSide } from "../formats/picture-limits.ts";
import type { Size } from "../formats/resample.ts";

/** A size as it is typed: its text is the same for all ways to type it. */
export interface TypedSize extends Size {
  readonly text: string;
}

/** Reads `HxW` or one number, in pixels from 1 to 4096; undefined for anything else. */
export function parseSize(text: string): TypedSize | undefined {
  const found = /^(\d{1,4})(?:[x×](\d{1,4}))?$/i.exec(text);
  if (!found) return undefined;
  const height = Number(found[1]);
  const width = Number(found[2] ?? found[1]);
  const fits = (side: number) => side >= 1 && side <= largestSide;
  return fits(height) && fits(width) ? { height, width, text: `${height}x${width}` } : undefined;
}

/** A colour as it is typed: its text is #rrggbb, however that was. */
export interface TypedColour {
  readonly rgb: readonly [number, number, number];
  readonly text: string;
}

/** The sixteen names of CSS 1. */
const colours: Readonly<Record<string, string>> = {
  black: "000000",
  silver: "c0c0c0",
  grey: "808080",
  gray: "808080",
  white: "ffffff",
  maroon: "800000",
  red: "ff0000",
  purple: "800080",
  fuchsia: "ff00ff",
  green: "008000",
  lime: "00ff00",
  olive: "808000",
  yellow: "ffff00",
  navy: "000080",
  blue: "0000ff",
  teal: "008080",
  aqua: "00ffff",
};

export const colourNames: readonly string[] = Object.keys(colours);

/** Reads a name, `#rgb` or `#rrggbb`; undefined for anything else. */
export function parseColour(text: string): TypedColour | undefined {
  const small = text.toLowerCase();
  const short = /^#([0-9a-f])([0-9a-f])([0-9a-f])$/.exec(small);
  const digits = short
    ? short
        .slice(1)
        .map((digit) => digit + digit)
        .join("")
    : Object.hasOwn(colours, small)
      ? colours[small]!
      : (/^#([0-9a-f]{6})$/.exec(small)?.[1] ?? "");
  if (digits === "") return undefined;
  const part = (at: number) => Number.parseInt(digits.slice(at, at + 2), 16);
  return { rgb: [part(0), part(2), part(4)], text: `#${digits}` };
}

/** The options of a command as what is done to pictures. */
export function pictureOptions(options: {
  readonly size?: Size | undefined;
  readonly grey?: boolean;
  readonly background?: TypedColour | undefined;
}): PictureOptions {
  const { size, grey, background } = options;
  return {
    ...(size ? { size: { height: size.height, width: size.width } } : {}),
    ...(grey ? { grey } : {}),
    ...(background ? { background: background.rgb } : {}),
  };
}
