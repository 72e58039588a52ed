import { drawMarks } from "./marks.ts";
import { markup } from "./markup.ts";

const MOST_ENTRIES = 40;
const LONGEST_NAME = 16;
/** Width of a letter where the text is largest. */
export const LETTER = 9.4;

/** Columns of marks and names below a plot, from `top` on. */
export function drawLegend(
  names: readonly string[],
  {
    left,
    top,
    width: room,
  }: { readonly left: number; readonly top: number; readonly width: number },
) {
  const shown = names.slice(0, MOST_ENTRIES);
  const texts = shown.map(shortened);
  const longest = Math.max(...texts.map((text) => text.length));
  const fitting = Math.max(1, Math.floor(room / (LETTER * longest + 34)));
  const rows = Math.ceil(shown.length / fitting);
  const columns = Math.ceil(shown.length / rows);
  const entries = texts.map((text, i) => {
    const x = left + (i % columns) * (room / columns);
    const y = top + 24 * Math.floor(i / columns);
    return markup`${drawMarks(i, [[x + 6, y]], 10)}<text x="${(x + 18).toFixed(1)}" y="${y + 5}">${text}</text>
`;
  });
  const more = names.length - shown.length;
  const rest =
    more > 0
      ? markup`<text class="muted" x="${left}" y="${top + 24 * rows + 5}">${`and ${more} more`}</text>`
      : undefined;
  return { content: markup`${entries}${rest}`, bottom: top + 24 * (rows + (rest ? 1 : 0)) };
}

/** A name that fits into a legend. */
export function shortened(name: string): string {
  const letters = [...name];
  return letters.length > LONGEST_NAME ? `${letters.slice(0, LONGEST_NAME - 1).join("")}…` : name;
}
