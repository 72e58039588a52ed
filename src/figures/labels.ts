/** A label: the centre of its box, and the box's size, in pixels. */
export interface Label {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Rounds of pushing; some tens of labels come apart in far fewer. */
const ROUNDS = 200;

/**
 * Moves labels apart until no two overlap, as far as the room allows: each overlapping pair gives way in
 * the direction in which less is needed.
 *
 * @param room width and height that all boxes stay within, from (0, 0)
 */
export function spread(
  labels: readonly Label[],
  room: { readonly width: number; readonly height: number },
): Label[] {
  const clamped = ({ x, y, width, height }: Label) => ({
    x: inside(x, width, room.width),
    y: inside(y, height, room.height),
  });
  // Before the first round, too: labels that are apart outside the room may overlap inside.
  const moved = labels.map((label) => ({ ...label, ...clamped(label) }));
  for (let round = 0; round < ROUNDS; round++) {
    let calm = true;
    for (const [i, a] of moved.entries())
      for (const b of moved.slice(i + 1)) {
        const x = (a.width + b.width) / 2 - Math.abs(a.x - b.x);
        const y = (a.height + b.height) / 2 - Math.abs(a.y - b.y);
        if (x <= 0 || y <= 0) continue;
        calm = false;
        const axis = x < y ? "x" : "y";
        const push = (Math.min(x, y) / 2 + 0.25) * (a[axis] <= b[axis] ? -1 : 1);
        a[axis] += push;
        b[axis] -= push;
      }
    for (const label of moved) Object.assign(label, clamped(label));
    if (calm) break;
  }
  return moved;
}

function inside(centre: number, size: number, room: number): number {
  return Math.max(size / 2, Math.min(room - size / 2, centre));
}
