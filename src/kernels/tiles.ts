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
}

export function tileBudget(device: Device): TileBudget {
  switch (device.adapter.kind) {
    case "llvmpipe":
      return { accumulators: 128, threads: 128 };
    case "swiftshader":
    case "other":
      return { accumulators: 64, threads: 64 };
    default:
      return { accumulators: 64, threads: 4096 };
  }
}

/**
 * Chooses a tile: the one with the fewest loads for a multiply-add that leaves enough threads.
 * Loads cost rows + cols for rows · cols multiply-adds; tiles that stick out over the edge waste
 * their share. On software adapters a load costs many multiply-adds, on GPUs several.
 *
 * @param rows candidates for the tile's height, all multiples of what the kernel loads at once
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
      if (r * c > budget.accumulators && !(r === rows[0] && c === cols[0])) continue;
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
