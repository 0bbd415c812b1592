// What the documents use of curl (-X, -H, -d, -sS, -w), for machines that have none: the tests need
// Node and npm only, and run the documents' lines as they are.
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    request: { type: "string", short: "X", default: "GET" },
    header: { type: "string", short: "H", multiple: true, default: [] },
    data: { type: "string", short: "d" },
    "write-out": { type: "string", short: "w", default: "" },
    silent: { type: "boolean", short: "s" },
    "show-error": { type: "boolean", short: "S" },
  },
});
const headers = values.header.map((line): [string, string] => {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
});
const response = await fetch(positionals[0], {
  method: values.request,
  headers,
  body: values.data,
});
const text = await response.text();
const end = values["write-out"].replaceAll("%{http_code}", String(response.status));
await Deno.stdout.write(new TextEncoder().encode(text + end));
