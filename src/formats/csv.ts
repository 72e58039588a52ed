/** One line of CSV (RFC 4180, ended by a newline) with the column names. */
export function csvHeader(columns: readonly string[]): string {
  return line(columns);
}

/** Records as lines of CSV; what a record lacks is left empty. */
export function csvLines(
  columns: readonly string[],
  records: readonly Readonly<Record<string, unknown>>[],
): string {
  return records.map((record) => line(columns.map((name) => record[name]))).join("");
}

function line(cells: readonly unknown[]): string {
  return `${cells.map(cell).join(",")}\n`;
}

function cell(value: unknown): string {
  if (value === undefined || value === null) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
