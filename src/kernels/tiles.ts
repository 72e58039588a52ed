import type { Device } from "../gpu/device.ts";

/** Register tile of a matrix-like kernel, in elements. */
export interface Tile {
  readonly rows: number;
  readonly cols: number;
}

/** What an adapter bears. */
export interface TileBudget {
  /** Most accumulators in a thread. Beyond it SwiftShader's compiler takes all memory there is. */
  readonly accumulators: number;
  /** Threads that keep the adapter busy; smaller tiles are taken until there are as many. */
  readonly threads: number;
  /** Most characters of a kernel's unrolled text. The largest tiles make 32,000. */
  readonly characters: number;
}

export function tileBudget(device: Device): TileBudget {
  switch (device.adapter.kind) {
    // Measured on the layers of a convolutional VAE: 8 × 16 (on llvmpipe also 9 × 16, for the nine
    // taps of one channel) runs at 4–5 GFLOP/s on SwiftShader and at 17–22 on llvmpipe; smaller
    // tiles are slower, larger ones no faster and long to compile.
    case "llvmpipe":
      return { accumulators: 144, threads: 128, characters: 96_000 };
    case "swiftshader":
      return { accumulators: 128, threads: 64, characters: 48_000 };
    case "other":
      return { accumulators: 64, threads: 64, characters: 48_000 };
    default:
      return { accumulators: 64, threads: 4096, characters: 96_000 };
  }
}

/**
 * Chooses a tile: the one with the fewest loads for a multiply-add that leaves enough threads.
 * Loads cost rows + cols for rows · cols multiply-adds; tiles that stick out over the edge waste
 * their share. On software adapters a load costs many multiply-adds, on GPUs several.
 *
 * @param rows candidates for the tile's height, falling, all multiples of what the kernel loads at
 *   once; the last is taken where all are beyond the bound
 * @param cols likewise for the width
 * @param copies how many such products the kernel computes at once (batch, phases, splits)
 */
export function chooseTile(
  budget: TileBudget,
  m: number,
  n: number,
  rows: readonly number[],
  cols: readonly number[],
  copies = 1,
): Tile {
  let best: Tile | undefined;
  let bestCost = Number.POSITIVE_INFINITY;
  for (const r of rows)
    for (const c of cols) {
      if (r * c > budget.accumulators && !(r === rows.at(-1) && c === cols.at(-1))) continue;
      const tilesDown = Math.ceil(m / r);
      const tilesAcross = Math.ceil(n / c);
      const threads = tilesDown * tilesAcross * copies;
      const loads = tilesDown * tilesAcross * (r + c);
      const idle = Math.max(1, budget.threads / threads);
      const cost = (loads + (tilesDown * r * tilesAcross * c) / 16) * idle;
      if (cost < bestCost) {
        best = { rows: r, cols: c };
        bestCost = cost;
      }
    }
  return best ?? { rows: rows[0] ?? 1, cols: cols[0] ?? 1 };
}
