// A table that becomes a list of cards where the screen is narrow: each cell then brings its column's name.
import type { ComponentChildren } from "preact";
import { html } from "../html.ts";

export interface Column<Row> {
  title: string;
  cell: (row: Row) => ComponentChildren;
  isNumber?: boolean;
}

export interface TableProps<Row> {
  /** What the table holds, for screen readers. */
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  rowKey: (row: Row) => string | number;
}

export function Table<Row>(
  { caption, columns, rows, rowKey }: TableProps<Row>,
) {
  return html`
    <div class="table-box" role="region" aria-label=${caption} tabindex="0">
      <table>
        <caption class="hidden">${caption}</caption>
        <thead>
          <tr>${columns.map(({ title, isNumber }) =>
            html`<th scope="col" class=${isNumber ? "number" : ""}>${title}</th>`
          )}</tr>
        </thead>
        <tbody>
          ${rows.map((row) =>
            html`
              <tr key=${rowKey(row)}>
                ${columns.map(({ title, cell, isNumber }) =>
                  html`
                    <td data-title=${title} class=${isNumber ? "number" : ""}>
                      <div>${cell(row)}</div>
                    </td>
                  `
                )}
              </tr>
            `
          )}
        </tbody>
      </table>
    </div>
  `;
}
