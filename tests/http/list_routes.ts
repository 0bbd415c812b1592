// Prints the routes of a function as its own wiring adds them, for the test that asks whether its table
// has them all. A process of its own, since importing a function starts it.
import { SmartRouter } from "hono/router/smart-router";

const [name] = Deno.args;
const routes: string[] = [];
const add = SmartRouter.prototype.add;
SmartRouter.prototype.add = function (method, path, handler) {
  if (!(method === "ALL" && path === "/*")) routes.push(`${method} ${path}`);
  return add.call(this, method, path, handler);
};
Object.defineProperty(Deno, "serve", { value: () => {} });
Deno.env.set("SUPABASE_URL", "http://127.0.0.1:1");
Deno.env.set("SUPABASE_SECRET_KEYS", '{"default": "sb_secret_nobody"}');

await import(new URL(`../../supabase/functions/${name}/index.ts`, import.meta.url).href);
console.log(JSON.stringify(routes));
