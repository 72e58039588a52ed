import { type Markup, markup, type Piece } from "./markup.ts";

export interface Column {
  readonly title: Piece;
  /** Numbers are set right. */
  readonly numeric?: boolean;
  /** Sentences, which want some width. */
  readonly wide?: boolean;
}

export interface Row {
  /** The first names the row. */
  readonly cells: readonly Piece[];
  /** A class for the whole row. */
  readonly style?: "strong" | "changed" | "quiet" | undefined;
}

/**
 * A table with its caption, in a box that scrolls by itself where the page is too narrow.
 *
 * @param id of the caption, unique in the page
 */
export function table(
  id: string,
  caption: Piece,
  columns: readonly Column[],
  rows: readonly Row[],
): Markup {
  const head = columns.map(
    (column) => markup`<th scope="col"${classOf(column)}>${column.title}</th>`,
  );
  const body = rows.map(({ cells, style }) => {
    const inner = cells.map((cell, i) => {
      const style = classOf(columns[i]!);
      return i === 0
        ? markup`<th scope="row"${style}>${cell}</th>`
        : markup`<td${style}>${cell}</td>`;
    });
    return markup`<tr${style ? markup` class="${style}"` : undefined}>${inner}</tr>
`;
  });
  return markup`<div class="scroll" role="region" aria-labelledby="${id}" tabindex="0">
<table>
<caption id="${id}"><span>${caption}</span></caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody>
</table>
</div>
`;
}

function classOf({ numeric, wide }: Column): Markup | undefined {
  if (numeric) return markup` class="number"`;
  return wide ? markup` class="wide"` : undefined;
}
