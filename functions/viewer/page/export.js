// Saves all events that match the filters, in a format of the API, page by page.

import { parameters } from "./filters.js";

const PAGE = 1000;
const TYPES = { csv: "text/csv", ndjson: "application/x-ndjson" };

/** Fetches everything; `tell` gets the number of pages so far. The parts go into a blob, which the browser keeps
 * on disk where it is large. */
export async function save(api, filters, format, { signal, tell }) {
  const parts = [];
  for (let cursor; ;) {
    const query = parameters(filters);
    query.set("format", format);
    query.set("limit", PAGE);
    if (cursor) query.set("cursor", cursor);
    const { text, headers } = await api.text("audit_logs", query, { signal, timeoutSeconds: 120 });
    // Each page of CSV has the header line; a file has it once. A header has no quoted line end.
    parts.push(new Blob([format === "csv" && parts.length > 0 ? text.slice(text.indexOf("\n") + 1) : text]));
    tell(parts.length);
    cursor = headers.get("x-next-cursor");
    if (!cursor) break;
  }
  download(new Blob(parts, { type: TYPES[format] }), `${api.workspace}-audit-log.${format}`);
}

/** Has the browser save a blob under a name. */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
