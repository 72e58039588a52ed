import type { ReportTable } from "../../src/entries/bench.ts";

/** Cells with numbers stand right, as in the printed table; all of it is text, whatever it says. */
export function tableElement({ title, header, rows }: ReportTable): HTMLElement {
  const section = document.createElement("section");
  const heading = document.createElement("h2");
  heading.textContent = title;
  const scroll = document.createElement("div");
  scroll.className = "scroll";
  const table = document.createElement("table");
  if (header.length > 0) table.createTHead().append(row("th", header));
  const body = table.createTBody();
  for (const cells of rows) body.append(row("td", cells));
  scroll.append(table);
  section.append(heading, scroll);
  return section;
}

const WORDS = /^[a-z]/i;

function row(kind: "th" | "td", cells: readonly string[]): HTMLTableRowElement {
  const line = document.createElement("tr");
  for (const text of cells) {
    const cell = document.createElement(kind);
    cell.textContent = text;
    if (kind === "td" && WORDS.test(text)) cell.className = "text";
    line.append(cell);
  }
  return line;
}
