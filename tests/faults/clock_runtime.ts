// Runs one function as the stack's runtime does, with a wall clock that somebody else can move: the
// file CLOCK_SHIFT_FILE holds by how many milliseconds. Timers and performance.now() go on as they
// are, as they do when a machine's clock is set. Started with the function's own deno.json, so it
// imports nothing but the stack's runtime.

const LOOK_MS = 50;

const file = Deno.env.get("CLOCK_SHIFT_FILE");
Deno.env.delete("CLOCK_SHIFT_FILE");

const RealDate = Date;
const realNow = Date.now.bind(Date);
let shiftMs = 0;

function readShift(): void {
  try {
    shiftMs = Number(Deno.readTextFileSync(file!)) || 0;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, self) =>
    Reflect.construct(target, args.length === 0 ? [realNow() + shiftMs] : args, self),
  apply: () => new RealDate(realNow() + shiftMs).toString(),
});
RealDate.now = () => realNow() + shiftMs;

readShift();
Deno.unrefTimer(setInterval(readShift, LOOK_MS));
await import("../../scripts/stack/edge_runtime.ts");
