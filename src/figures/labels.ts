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

/** How far labels are sought from their points, and in which steps, in pixels. */
const FARTHEST = 240;
const STEP = 4;
const ANGLES = 24;

/**
 * Places each label beside its point, as near as it can be without covering an obstacle or another label.
 *
 * @param points what the labels name, and the sizes of the labels' boxes
 * @param obstacles boxes that are not to be covered: marks, pieces of lines, other texts
 * @param room width and height that all boxes stay within, from (0, 0)
 * @param gap least distance of a box from its point
 */
export function placeBeside(
  points: readonly Label[],
  obstacles: readonly Label[],
  room: { readonly width: number; readonly height: number },
  gap = 8,
): Label[] {
  const placed: Label[] = [];
  for (const point of points) {
    let best: Label | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const candidate of candidates(point, gap)) {
      if (inside(candidate.x, candidate.width, room.width) !== candidate.x) continue;
      if (inside(candidate.y, candidate.height, room.height) !== candidate.y) continue;
      const covered = [...obstacles, ...placed].reduce((sum, o) => sum + overlap(candidate, o), 0);
      if (covered < least) [best, least] = [candidate, covered];
      if (covered === 0) break;
    }
    placed.push(best ?? point);
  }
  return placed;
}

/** Boxes around a point, the nearest first. */
function* candidates(point: Label, gap: number): Generator<Label> {
  const { width, height } = point;
  for (let far = gap; far <= FARTHEST; far += STEP)
    for (let k = 0; k < ANGLES; k++) {
      const angle = (2 * Math.PI * k) / ANGLES;
      const [dx, dy] = [Math.cos(angle), Math.sin(angle)];
      // From the box's nearest edge, not from its centre.
      const x = point.x + dx * far + (Math.sign(Math.round(1e6 * dx)) * width) / 2;
      const y = point.y + dy * far + (Math.sign(Math.round(1e6 * dy)) * height) / 2;
      yield { x, y, width, height };
    }
}

/** Area that two boxes share. */
export function overlap(a: Label, b: Label): number {
  const x = (a.width + b.width) / 2 - Math.abs(a.x - b.x);
  const y = (a.height + b.height) / 2 - Math.abs(a.y - b.y);
  return x > 0 && y > 0 ? x * y : 0;
}

/** Boxes along a line, for obstacles. */
export function alongLine(
  points: readonly (readonly [x: number, y: number])[],
  thickness: number,
): Label[] {
  return points.slice(1).flatMap(([toX, toY], i) => {
    const [fromX, fromY] = points[i] as readonly [number, number];
    const pieces = Math.max(1, Math.ceil(Math.hypot(toX - fromX, toY - fromY) / thickness));
    return Array.from({ length: pieces + 1 }, (_, k) => {
      const share = k / pieces;
      const [x, y] = [fromX + share * (toX - fromX), fromY + share * (toY - fromY)];
      return { x, y, width: thickness, height: thickness };
    });
  });
}
