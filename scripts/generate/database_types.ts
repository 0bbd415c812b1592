// Types of the public schema as the Supabase CLI writes them, in this repository's format.
import { runSupabaseCli } from "../stack/tools.ts";

const HEADER = "// Generated from the migrations by `deno task generate`; edit those instead.\n";

/** Returns the text of database.types.ts for the database that `url` names. */
export async function writeDatabaseTypes(url: string): Promise<string> {
  const remote = new URL(url);
  remote.searchParams.set("sslmode", "disable");
  const { code, stdout, stderr } = await runSupabaseCli([
    ...["gen", "types", "--lang", "typescript", "--schema", "public", `--remote=${remote}`],
  ]);
  if (code !== 0) {
    const reason = stderr.replaceAll(remote.password, "***").trim();
    throw new Error(`cannot generate the database types: supabase gen types failed\n${reason}`);
  }
  return await format(HEADER + stdout.trimStart());
}

async function format(text: string): Promise<string> {
  const config = decodeURI(new URL("../../deno.json", import.meta.url).pathname);
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--config", config, "--ext", "ts", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const output = await child.output();
  const decoder = new TextDecoder();
  if (!output.success) {
    throw new Error(
      `cannot format the database types: deno fmt failed\n${decoder.decode(output.stderr)}`,
    );
  }
  return decoder.decode(output.stdout);
}
