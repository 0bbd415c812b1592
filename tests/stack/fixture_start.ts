// A foreground stack on the fixture project, for the tests that kill it. Arguments: data folder, port.
import { startStack, waitForStop } from "../../scripts/stack/mod.ts";
import { FIXTURE_ROOT } from "./stack_fixture.ts";

const [dataDir, port] = Deno.args;
const stopped = waitForStop();
try {
  const stack = await startStack({ root: FIXTURE_ROOT, dataDir, port: Number(port) });
  await (await fetch(`${stack.url}/functions/v1/hello`)).body?.cancel();
  console.log(JSON.stringify({ url: stack.url, keys: stack.keys, pids: stack.functionPids() }));
  await stopped;
  await stack.stop();
  Deno.exit(0);
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
