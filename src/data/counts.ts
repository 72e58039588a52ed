import { checkWhole } from "../gpu/arguments.ts";

/** Numbers of images, and seeds. @throws ShapeError for anything but whole numbers from 0 on */
export function checkCounts(op: string, counts: Readonly<Record<string, number>>): void {
  for (const [name, n] of Object.entries(counts)) checkWhole(op, name, n, 0);
}
