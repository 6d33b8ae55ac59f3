/** Three significant digits or so: what a reader compares. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** A figure and its range over the rounds; of one round only the figure. */
export function formatRange(median: number, min: number, max: number): string {
  return min === max ? formatNumber(median) : `${formatNumber(median)} [${formatNumber(min)}–${formatNumber(max)}]`;
}

/** Columns as wide as their widest cell, the first one left-aligned, the others right-aligned. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  const align = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0);
  return rows.map((row) => `  ${row.map(align).join('   ')}`.trimEnd());
}
