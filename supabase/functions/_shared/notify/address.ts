// Which IP addresses belong to the public internet: everything else is somebody's own network, where a
// notification has no business. Pure.

/** https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast. */
const CLOSED_IPV4: readonly [network: string, bits: number][] = [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 4],
  ["240.0.0.0", 4],
];

/** Parts of 2000::/3 that lead elsewhere: protocols, Teredo, documentation, 6to4. */
const CLOSED_IPV6: readonly [network: string, bits: number][] = [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
];

/** Whether an address, as a resolver or a parsed URL spells it (with or without brackets), is public. */
export function isPublicAddress(address: string): boolean {
  const ipv4 = parseIpv4(address);
  if (ipv4 !== null) {
    return !CLOSED_IPV4.some(([net, bits]) => isWithin(ipv4, parseIpv4(net)!, bits));
  }
  const ipv6 = parseIpv6(address);
  if (ipv6 === null) return false;
  const inner = readInnerIpv4(ipv6);
  if (inner !== null) return isPublicAddress(inner);
  return isWithin(ipv6, parseIpv6("2000::")!, 3) &&
    !CLOSED_IPV6.some(([net, bits]) => isWithin(ipv6, parseIpv6(net)!, bits));
}

/** Whether a URL's host is an address, not a name. */
export function isAddress(host: string): boolean {
  return parseIpv4(host) !== null || host.startsWith("[");
}

function parseIpv4(text: string): number[] | null {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return null;
  const bytes = text.split(".").map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

/** 16 bytes; null also for an address with a zone, which is of one link only. */
function parseIpv6(text: string): number[] | null {
  const bare = text.replace(/^\[|\]$/g, "");
  const url = bare.includes(":") ? URL.parse(`http://[${bare}]/`) : null;
  if (url === null) return null;
  const [head, tail] = url.hostname.slice(1, -1).split("::");
  const left = readGroups(head);
  const right = readGroups(tail ?? "");
  const zeros = Array<number>(8 - left.length - right.length).fill(0);
  return [...left, ...zeros, ...right].flatMap((group) => [group >> 8, group & 255]);
}

function readGroups(text: string): number[] {
  return text === "" ? [] : text.split(":").map((group) => parseInt(group, 16));
}

/** The IPv4 address that ::ffff:a.b.c.d (mapped) or 64:ff9b::a.b.c.d (NAT64, RFC 6052) leads to. */
function readInnerIpv4(bytes: readonly number[]): string | null {
  const isInner = ["::ffff:0:0", "64:ff9b::"].some((net) => isWithin(bytes, parseIpv6(net)!, 96));
  return isInner ? bytes.slice(12).join(".") : null;
}

function isWithin(bytes: readonly number[], network: readonly number[], bits: number): boolean {
  return bytes.every((byte, at) => {
    const kept = Math.min(8, Math.max(0, bits - at * 8));
    const mask = (0xff << (8 - kept)) & 0xff;
    return (byte & mask) === (network[at] & mask);
  });
}
