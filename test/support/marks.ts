import { all, type parseMarkup } from "./markup.ts";

type Root = ReturnType<typeof parseMarkup>;

/** The paths of a plot's points, one a class, without those of the legend. */
export function markPaths(root: Root) {
  const [points] = all(root, "g").filter(({ attributes }) => attributes.class === "points");
  return all(points!, "path");
}

/**
 * Centres of the boxes around the marks of one path, in pixels of the plot.
 *
 * @param count how many marks it has: some have two lines each
 */
export function markCentres(path: string, count: number): [number, number][] {
  let [x, y] = [0, 0];
  let [startX, startY] = [0, 0];
  const boxes: { low: [number, number]; high: [number, number] }[] = [];
  for (const [, letter, numbers = ""] of path.matchAll(/([mlhz])([^mlhz]*)/g)) {
    const [dx = 0, dy = 0] = [...numbers.matchAll(/-?\d+/g)].map(Number);
    if (letter === "z") [x, y] = [startX, startY];
    else [x, y] = [x + dx, y + dy];
    if (letter === "m") {
      [startX, startY] = [x, y];
      boxes.push({ low: [x, y], high: [x, y] });
    }
    const { low, high } = boxes.at(-1)!;
    for (const [axis, value] of [x, y].entries()) {
      low[axis] = Math.min(low[axis]!, value);
      high[axis] = Math.max(high[axis]!, value);
    }
  }
  const lines = boxes.length / count;
  return Array.from({ length: count }, (_, i) => {
    const own = boxes.slice(i * lines, (i + 1) * lines);
    return [0, 1].map((axis) => {
      const low = Math.min(...own.map((box) => box.low[axis]!));
      const high = Math.max(...own.map((box) => box.high[axis]!));
      return (low + high) / 20;
    }) as [number, number];
  });
}
