// The addresses of a name, as the runtime would find them for a request.
import { lookup } from "node:dns/promises";
import type { Resolve } from "./target.ts";

/** Throws where the name has no address, or the resolver does not answer in time. */
export const resolveHost: Resolve = async (host) => {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
};
