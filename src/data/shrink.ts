/**
 * Makes square black and white pictures smaller by area: an output pixel is the part of its square
 * that is ink. Sides need not divide each other. Whole numbers only, so every runtime gets the same
 * bits.
 *
 * @param to at most `from`
 * @returns a function from [from, from], where 0 is ink and 1 is paper, to [to, to] of 0 to 255 (all
 *   ink), rounded
 */
export function areaShrinker(from: number, to: number): (picture: Uint8Array) => Uint8Array {
  // In units of 1/to of an input pixel, which covers `to` of them, an output pixel covers `from`. So
  // an input pixel lies in one output pixel or in two, and this is the first and its share.
  const first = new Uint16Array(from);
  const share = new Uint16Array(from);
  for (let i = 0; i < from; i++) {
    const out = Math.floor((i * to) / from);
    first[i] = out;
    share[i] = Math.min(to, (out + 1) * from - i * to);
  }
  // One row and column more take the shares of 0 that the last pixels have in what is beyond.
  const stride = to + 1;
  const sums = new Uint32Array(stride * stride);
  return (picture) => {
    sums.fill(0);
    for (let y = 0; y < from; y++) {
      for (let x = 0; x < from; x++) {
        if (picture[y * from + x] !== 0) continue;
        const at = first[y]! * stride + first[x]!;
        const [upper, left] = [share[y]!, share[x]!];
        const [lower, right] = [to - upper, to - left];
        sums[at]! += upper * left;
        sums[at + 1]! += upper * right;
        sums[at + stride]! += lower * left;
        sums[at + stride + 1]! += lower * right;
      }
    }
    const out = new Uint8Array(to * to);
    // A square that is all ink sums to from².
    const whole = from * from;
    for (let y = 0; y < to; y++) {
      for (let x = 0; x < to; x++) {
        const sum = sums[y * stride + x]!;
        out[y * to + x] = Math.floor((510 * sum + whole) / (2 * whole));
      }
    }
    return out;
  };
}
