import assert from "node:assert/strict";
import fc from "fast-check";
import { findCronFault, isTimeZone, listTimeZones, openCron } from "./cron.ts";

Deno.test("patterns of five fields with lists, ranges, steps and names are accepted", () => {
  for (
    const pattern of [
      "0 7 * * *",
      "0 18 * * SUN",
      "30 2 * * 1-5",
      "*/15 0,12 1-7/2 JAN-MAR mon,wed",
      "0 0 * * 7",
      "0 0 29 2 *",
      "0 0 L * *",
      "0 0 * * FRI#2",
      " 0\t7  * * * ",
    ]
  ) assert.equal(findCronFault(pattern), null, pattern);
});

Deno.test("patterns that are none, ambiguous, or never fire are refused with the reason", () => {
  const faults: [string, RegExp][] = [
    ["", /five fields/],
    ["* * * *", /five fields .* got 4/],
    ["0 0 0 * * *", /got 6/],
    ["@daily", /got 1/],
    ["2026-01-01T00:00:00", /got 1/],
    ["61 * * * *", /Invalid value for minute: 61/],
    ["0 0 ? * *", /must not contain "\?" in the field day of month/],
    ["0 0 * * MO!", /must not contain "!" in the field day of week/],
    ["0 0 * * MOON", /cron pattern/],
    ["5-1 * * * *", /larger/],
    ["*/0 * * * *", /stepping/],
    ["0 0 31 2 *", /never fire/],
    ["0 0 30-31 2 *", /never fire/],
  ];
  for (const [pattern, fault] of faults) assert.match(findCronFault(pattern) ?? "", fault, pattern);
});

Deno.test("any text is accepted or refused, and what is accepted has a next slot", () => {
  const sign = fc.constantFrom(..."0123456789*/,-# LW", "SUN", "JAN", "* ", "0 ", "?");
  fc.assert(
    fc.property(fc.array(sign, { maxLength: 14 }), (signs) => {
      const pattern = signs.join("");
      if (findCronFault(pattern) !== null) return;
      assert.ok(openCron(pattern, "UTC").nextRun(new Date("2026-06-01T00:00:00Z")) !== null);
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("IANA names are time zones, offsets and invented names are not", () => {
  for (const name of ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia", "Etc/GMT+2", "EST"]) {
    assert.ok(isTimeZone(name), name);
  }
  for (const name of ["", "+02:00", "GMT+2", "Europe/Berlni", "user", "Europe/Berlin ", "0"]) {
    assert.ok(!isTimeZone(name), name);
  }
  assert.ok(listTimeZones().every(isTimeZone));
});
