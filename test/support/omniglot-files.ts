/** Small archives of Omniglot's form. */
import { zlibSync } from "fflate";
import { chunk, header, joined, signature } from "./png-file.ts";
import type { ZipPart } from "./zip-file.ts";

/** 105×105 pixels of paper with a square of ink, 15 pixels a side, at a corner of its own. */
export function drawing(x: number, y: number): Uint8Array {
  const [side, stride] = [105, 15];
  const rows = new Uint8Array(side * stride);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const ink = row >= y && row < y + 15 && column >= x && column < x + 15;
      if (!ink) rows[row * stride + 1 + (column >> 3)]! |= 128 >> (column & 7);
    }
  }
  const head = header({ width: side, height: side, depth: 1, colourType: 0 });
  return joined([signature, head, chunk("IDAT", zlibSync(rows)), chunk("IEND")]);
}

/**
 * The pictures of a character by all drawers: the ink begins at (15·(drawer mod 6), `row`·15), so that
 * an image tells who drew it and what.
 */
export function character(folder: string, name: string, row: number): ZipPart[] {
  return Array.from({ length: 20 }, (_, i) => ({
    name: `${folder}/${name}/0123_${String(i + 1).padStart(2, "0")}.png`,
    content: drawing(15 * (i % 6), 15 * row),
    method: i % 2 ? 8 : 0,
  }));
}

/** Both archives: two alphabets with two characters and one, and one with one character. */
export function omniglotZips(): { background: ZipPart[]; evaluation: ZipPart[] } {
  return {
    background: [
      { name: "images_background/" },
      { name: "images_background/Greek/" },
      ...character("images_background", "Greek/character02", 1),
      ...character("images_background", "Greek/character01", 0),
      ...character("images_background", "Tifinagh/character01", 3),
    ],
    evaluation: character("images_evaluation", "Keble/character01", 2),
  };
}
