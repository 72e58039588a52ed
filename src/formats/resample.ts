/** Height and width in pixels. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** Pixels [height, width, channels], 8 bits a sample. */
export interface Bitmap extends Size {
  readonly channels: number;
  readonly pixels: Uint8Array;
}

/**
 * Resizes a picture so that it just covers the wanted size, its proportions kept, and crops what is
 * too much equally on both sides. Smaller ones are means over areas, larger ones bilinear between the
 * centres of pixels. Numbers of 64 bits, with + − × ÷ only: the same bits on every runtime.
 */
export function resizeAndCrop(picture: Bitmap, size: Size): Bitmap {
  const { channels, pixels: source } = picture;
  const { height, width } = size;
  if (picture.height === height && picture.width === width) return picture;
  // Pixels of the picture for each of the result.
  const step = Math.min(picture.height / height, picture.width / width);
  const columns = weights(picture.width, width, step);
  const rows = weights(picture.height, height, step);
  const first = rows[0]!.from;
  const last = rows.at(-1)!.from + rows.at(-1)!.weights.length;
  // Across first, of the rows that are used only.
  const across = new Float64Array((last - first) * width * channels);
  for (let y = first; y < last; y++) {
    for (let x = 0; x < width; x++) {
      const { from, weights } = columns[x]!;
      const at = (y * picture.width + from) * channels;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let i = 0; i < weights.length; i++)
          sum += weights[i]! * source[at + i * channels + c]!;
        across[((y - first) * width + x) * channels + c] = sum;
      }
    }
  }
  const pixels = new Uint8Array(height * width * channels);
  const stride = width * channels;
  const sums = new Float64Array(stride);
  rows.forEach(({ from, weights }, y) => {
    sums.fill(0);
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i]!;
      const at = (from + i - first) * stride;
      for (let j = 0; j < stride; j++) sums[j]! += weight * across[at + j]!;
    }
    for (let j = 0; j < stride; j++) pixels[y * stride + j] = Math.floor(sums[j]! + 0.5);
  });
  return { height, width, channels, pixels };
}

/** What a pixel is made of: neighbouring ones from `from` on, with weights that sum to 1. */
interface Weights {
  readonly from: number;
  readonly weights: Float64Array;
}

/**
 * The weights along one axis of `count` pixels, of which the middle `wanted` × `step` are taken.
 *
 * @param step pixels for each wanted one; above 1 an area, below 1 a place between two centres
 */
function weights(count: number, wanted: number, step: number): Weights[] {
  const spare = Math.max(0, count - wanted * step);
  // A cut between two pixels keeps them sharp, where there are pixels to spare.
  const begin = step >= 1 ? Math.floor(spare / 2) : spare / 2;
  return Array.from({ length: wanted }, (_, i) =>
    step >= 1
      ? area(Math.min(count, begin + i * step), Math.min(count, begin + (i + 1) * step))
      : between(begin + (i + 0.5) * step - 0.5, count),
  );
}

/** How much of each pixel lies between two places. */
function area(begin: number, end: number): Weights {
  const from = Math.floor(begin);
  const shares = new Float64Array(Math.max(1, Math.ceil(end) - from));
  for (let i = 0; i < shares.length; i++) {
    const share = Math.min(end, from + i + 1) - Math.max(begin, from + i);
    shares[i] = share / (end - begin);
  }
  return { from, weights: shares };
}

/** The two pixels whose centres a place lies between; beyond the outermost there is only that. */
function between(place: number, count: number): Weights {
  const inside = Math.max(0, Math.min(count - 1, place));
  const from = Math.min(Math.floor(inside), Math.max(0, count - 2));
  const share = inside - from;
  return { from, weights: share > 0 ? Float64Array.of(1 - share, share) : Float64Array.of(1) };
}

/**
 * Turns a picture as EXIF's orientation says, 1 to 8: 2 mirrored, 3 turned by a half, 4 both, 6 and 8
 * lying on a side, 5 and 7 that and mirrored. Any other number leaves it as it is.
 */
export function upright(picture: Bitmap, orientation: number): Bitmap {
  if (!(orientation >= 2 && orientation <= 8)) return picture;
  const { height, width, channels, pixels } = picture;
  const lies = orientation >= 5;
  const [rows, columns] = lies ? [width, height] : [height, width];
  const mirrored = [2, 3, 7, 8].includes(orientation);
  const upsideDown = [3, 4, 6, 7].includes(orientation);
  const out = new Uint8Array(pixels.length);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const [along, down] = lies ? [y, x] : [x, y];
      const fromX = mirrored ? width - 1 - along : along;
      const fromY = upsideDown ? height - 1 - down : down;
      const at = (fromY * width + fromX) * channels;
      for (let c = 0; c < channels; c++) out[(y * columns + x) * channels + c] = pixels[at + c]!;
    }
  }
  return { height: rows, width: columns, channels, pixels: out };
}
