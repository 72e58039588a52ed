import type { Target, TileBudget } from "../gpu/target.ts";
import type { Tile, Variant } from "./variants.ts";

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
  budget: Pick<TileBudget, "accumulators" | "threads">,
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

/** What a family of register tiles needs to know of a shape. */
export interface TileSearch {
  /** Rows and columns of the product. */
  readonly m: number;
  readonly n: number;
  /** How many such products the kernel computes at once. */
  readonly copies?: number;
  /** Threads that keep the adapter busy, where they do not come from the tiles. */
  readonly threads?: number;
  /** Floating-point operations of all of them. */
  readonly flops: number;
  /** What the tile's height and width are multiples of: the widths of loads and stores. */
  readonly rowStep: 1 | 4;
  readonly columnStep: 1 | 4;
  /** A height that suits the shape, beside the usual ones. */
  readonly extraRows?: number;
  /** Most accumulators that the heuristic takes, where it is fewer than the adapter's. */
  readonly accumulators?: number;
  /** Most that the tuner tries, likewise. */
  readonly largest?: number;
  /** Into how many shares the sum may be split with a tile; the heuristic's number first. */
  readonly splits?: (tile: Tile) => readonly number[];
}

/** Heights and widths of the tiles that the tuner tries beside the heuristic's. */
const TRIED: readonly (readonly [rows: number, cols: number])[] = [
  [16, 1],
  [16, 4],
  [4, 8],
  [8, 8],
  [4, 16],
  [8, 16],
  [16, 8],
  [12, 16],
  [16, 16],
  [16, 32],
];

/**
 * The register variants for a shape: the heuristic's (`chooseTile`) first, then what the tuner tries
 * beside it: its tile with other numbers of shares and with inputs stored as f16 where the device was
 * opened with that, and other tiles.
 */
export function tileVariants(target: Target, search: TileSearch): Variant[] {
  const budget = target.tiles;
  const { m, n, flops, rowStep, columnStep, extraRows } = search;
  const rows = rowStep === 4 ? [8, 4] : [...(extraRows ? [extraRows] : []), 8, 4, 2, 1];
  const { small } = budget;
  const bears = Math.min(
    budget.accumulators,
    search.accumulators ?? Number.POSITIVE_INFINITY,
    small && flops < small.flops ? small.accumulators : Number.POSITIVE_INFINITY,
  );
  const bounds = {
    accumulators: bears,
    threads: search.threads ?? budget.threads,
  };
  const columns = columnStep === 4 ? [16, 8, 4] : [8, 4, 2, 1];
  const first = chooseTile(bounds, m, n, [...new Set(rows)], columns, search.copies);
  // A scalar accumulator takes as much text as a vector of four.
  const most = Math.min(budget.largest, search.largest ?? budget.largest);
  const largest = columnStep === 4 ? most : most / 4;
  const others = TRIED.map(([r, c]) => ({ rows: r, cols: c })).filter(
    (t) =>
      t.rows * t.cols <= largest && t.cols % columnStep === 0 && t.rows < 2 * m && t.cols < 2 * n,
  );
  const splitsOf = (tile: Tile): readonly number[] => search.splits?.(tile) ?? [1];
  const variant = (tile: Tile, splits: number): Variant => ({
    ...tile,
    family: "registers",
    splits,
    half: false,
  });
  const byHeuristic = splitsOf(first).map((splits) => variant(first, splits));
  const all = [
    ...byHeuristic,
    ...byHeuristic.slice(0, target.has.f16 ? 1 : 0).map((v) => ({ ...v, half: true })),
    ...others.map((tile) => variant(tile, splitsOf(tile)[0] ?? 1)),
  ];
  const same = (a: Variant, b: Variant) =>
    a.rows === b.rows && a.cols === b.cols && a.splits === b.splits && a.half === b.half;
  return all.filter((v, i) => all.findIndex((other) => same(other, v)) === i);
}

/** Products of fewer rows or columns leave most of a workgroup's tile empty. */
const LARGE = { m: 64, n: 16 };

/**
 * All candidates in the heuristic's order. Workgroup memory wins on GPUs where the product fills its
 * tiles. On software adapters it loses, and one such tile is enough for the tuner to see that.
 *
 * @param tiled the best of them first
 */
export function inHeuristicOrder(
  target: Target,
  { m, n }: Pick<TileSearch, "m" | "n">,
  registers: readonly Variant[],
  tiled: readonly Variant[],
): Variant[] {
  if (target.software) return [...registers, ...tiled.slice(0, 1)];
  const large = m >= LARGE.m && n >= LARGE.n;
  return large ? [...tiled, ...registers] : [...registers, ...tiled];
}
