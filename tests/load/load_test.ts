// The command itself, small: `deno task test:load` with few jobs.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
const JOBS = 400;
const WORKERS = 2;

Deno.test("the load's command works jobs off with two worker processes, each once, and tells figures", async () => {
  const out = await Deno.makeTempFile({ suffix: ".json" });
  try {
    const output = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--no-check", "-A", MAIN, "--out", out],
        ...["--jobs", String(JOBS), "--workers", String(WORKERS)],
      ],
      stdin: "null",
    }).output();
    const [text, progress] = [output.stdout, output.stderr].map((it) =>
      new TextDecoder().decode(it)
    );
    assert.equal(output.code, 0, `${text}\n${progress}`);
    assert.match(text, /^seed \d+; again with: /);
    assert.match(text, /verdict: none lost, none twice/);
    assert.match(text, /most memory of worker 1 /);
    const results = JSON.parse(await Deno.readTextFile(out));
    assert.equal(results.calls, JOBS);
    assert.equal(results.workers, WORKERS);
    assert.equal(results.repeated_calls, 0);
    assert.equal(results.failures, 0);
  } finally {
    await Deno.remove(out);
  }
});
