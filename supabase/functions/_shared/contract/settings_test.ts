import assert from "node:assert/strict";
import fc from "fast-check";
import { OrchestratorError } from "./errors.ts";
import { describeSettings, nameEnvironmentVariable, readSettings, SETTINGS } from "./settings.ts";

const noEnv = () => undefined;

function readError(env: Record<string, string>, rows: Record<string, unknown>): OrchestratorError {
  try {
    readSettings((name) => env[name], rows);
  } catch (error) {
    assert.ok(error instanceof OrchestratorError);
    return error;
  }
  assert.fail("the settings were accepted");
}

Deno.test("settings have the founding document's defaults", () => {
  const settings = readSettings(noEnv, {});
  assert.equal(settings.batchSize, 10);
  assert.equal(settings.leaseMs, 30_000);
  assert.equal(settings.maxAttempts, 5);
  assert.equal(settings.stepTimeoutMs, 15_000);
  assert.deepEqual(settings.allowedAgentHosts, []);
  assert.equal(Object.keys(settings).length, SETTINGS.length);
});

Deno.test("every default lies within its own bounds and no name is used twice", () => {
  for (const spec of SETTINGS) {
    if (!("min" in spec)) continue;
    assert.ok(spec.min <= spec.default && spec.default <= spec.max, spec.name);
  }
  assert.equal(new Set(SETTINGS.map((spec) => spec.name)).size, SETTINGS.length);
});

Deno.test("a name tells the unit of its value where the unit is time or size", () => {
  for (const spec of SETTINGS) {
    if (["ms", "bytes", "days"].includes(spec.unit)) {
      assert.ok(spec.name.endsWith(`_${spec.unit}`), spec.name);
    }
  }
});

Deno.test("a settings row wins over the environment, the environment over the default", () => {
  const env = { ORCHESTRATOR_BATCH_SIZE: "20", ORCHESTRATOR_LEASE_MS: "40000" };
  const settings = readSettings((name) => env[name as keyof typeof env], { batch_size: 30 });
  assert.equal(settings.batchSize, 30);
  assert.equal(settings.leaseMs, 40_000);
  assert.equal(settings.heartbeatMs, 5_000);
});

Deno.test("zero is a value, while null and a blank variable are unset", () => {
  const env = { ORCHESTRATOR_WORKER_LINGER_MS: " ", ORCHESTRATOR_SCHEDULE_GRACE_MS: "0" };
  const settings = readSettings((name) => env[name as keyof typeof env], { batch_size: null });
  assert.equal(settings.workerLingerMs, 2_000);
  assert.equal(settings.scheduleGraceMs, 0);
  assert.equal(settings.batchSize, 10);
  assert.equal(readSettings(noEnv, { worker_linger_ms: 0 }).workerLingerMs, 0);
});

Deno.test("hosts are read from a comma list or a JSON list, in lower case", () => {
  const wanted = ["api.example.com", "localhost:8443"];
  const env: Record<string, string> = {
    ORCHESTRATOR_ALLOWED_AGENT_HOSTS: " api.Example.com, localhost:8443,",
  };
  assert.deepEqual(readSettings((name) => env[name], {}).allowedAgentHosts, wanted);
  assert.deepEqual(readSettings(noEnv, { allowed_agent_hosts: wanted }).allowedAgentHosts, wanted);
  assert.deepEqual(readSettings(noEnv, { allowed_agent_hosts: [] }).allowedAgentHosts, []);
});

Deno.test("prefixes of calls keep their case, and are paths or https:// URLs", () => {
  assert.deepEqual(readSettings(noEnv, {}).appendCallPrefixes, ["/functions/v1/"]);
  const env: Record<string, string> = {
    ORCHESTRATOR_APPEND_CALL_PREFIXES: "/functions/v1/agent-proxy/, https://a.example.com/Plan",
  };
  assert.deepEqual(readSettings((name) => env[name], {}).appendCallPrefixes, [
    "/functions/v1/agent-proxy/",
    "https://a.example.com/Plan",
  ]);
  for (const value of ["functions/v1", "//evil.example.com", "http://a.com", "/a b", 5, [""]]) {
    assert.match(readError({}, { append_call_prefixes: value }).message, /beginnings of calls/);
  }
  assert.deepEqual(readSettings(noEnv, { append_call_prefixes: [] }).appendCallPrefixes, []);
});

Deno.test("origins are what browsers send, and nothing that would never match", () => {
  const env: Record<string, string> = {
    ORCHESTRATOR_ADMIN_ORIGINS: "https://Admin.example.com, http://localhost:5173",
  };
  assert.deepEqual(readSettings((name) => env[name], {}).adminOrigins, [
    "https://admin.example.com",
    "http://localhost:5173",
  ]);
  assert.deepEqual(readSettings(noEnv, {}).adminOrigins, []);
  const wrong = ["*", "null", "admin.example.com", "https://a.com/", "https://a.com:443"];
  for (const value of [...wrong, "http://a.com:80", "https://*.a.com", "file:///x", ["a"], 5]) {
    assert.match(readError({}, { admin_origins: value }).message, /a list of origins/);
  }
});

Deno.test("an output may be larger than what the database holds of it", () => {
  const settings = readSettings(noEnv, {});
  assert.deepEqual(
    [settings.outputInlineMaxBytes, settings.outputMaxBytes, settings.callbackTimeoutMs],
    [262_144, 5_242_880, 86_400_000],
  );
});

Deno.test("a bad value is refused by the name of the place it came from", () => {
  const error = readError({ ORCHESTRATOR_LEASE_MS: "30s" }, { batch_size: 0 });
  assert.equal(error.kind, "internal");
  assert.deepEqual(error.problems, [
    {
      path: "setting batch_size",
      message: "setting batch_size must be a whole number of jobs from 1 to 1000, got 0",
    },
    {
      path: "ORCHESTRATOR_LEASE_MS",
      message: 'ORCHESTRATOR_LEASE_MS must be a whole number of ms from 1000 to 3600000, got "30s"',
    },
  ]);
  assert.match(error.message, /^reading settings: setting batch_size must/);
});

Deno.test("numbers that are not whole, not finite or not numbers are refused", () => {
  for (const value of [1.5, NaN, Infinity, "1e3", "0x10", "", true, {}, [5], "5 jobs"]) {
    assert.match(readError({}, { batch_size: value }).message, /setting batch_size must be/);
  }
  assert.equal(readSettings(noEnv, { batch_size: "25" }).batchSize, 25);
});

Deno.test("host lists with anything but host names are refused", () => {
  for (const value of ["https://a.com", "a b", ["a.com", 5], 5, "user@host", "*.a.com", [""]]) {
    assert.match(readError({}, { allowed_agent_hosts: value }).message, /a list of host names/);
  }
});

Deno.test("settings that contradict each other are refused", () => {
  assert.match(
    readError({}, { heartbeat_ms: 5_000, lease_ms: 5_000 }).message,
    /below lease_ms, got 5000/,
  );
  assert.match(readError({}, { retry_initial_ms: 60_001 }).message, /above retry_max_ms/);
  assert.match(readError({}, { worker_budget_ms: 150_001 }).message, /worker_wall_clock_ms/);
});

Deno.test("rows of unknown names are left to their owners", () => {
  assert.deepEqual(
    readSettings(noEnv, { base_url: "http://x", constructor: 1 }),
    readSettings(noEnv, {}),
  );
});

Deno.test("descriptions carry what the documents show", () => {
  const rows = describeSettings();
  assert.equal(rows.length, SETTINGS.length);
  const lease = rows.find((row) => row.name === "lease_ms");
  assert.equal(lease?.env, "ORCHESTRATOR_LEASE_MS");
  assert.equal(lease?.default, "30000");
  assert.equal(lease?.unit, "ms");
  for (const row of rows) assert.match(row.description, /^[A-Z].*\.$/, row.name);
});

Deno.test("the defaults as documents write them are read back as the defaults", () => {
  const env = new Map<string, string>(describeSettings().map((row) => [row.env, row.default]));
  assert.deepEqual(readSettings((name) => env.get(name), {}), readSettings(noEnv, {}));
});

Deno.test("any row value is either read within its bounds or refused with an OrchestratorError", () => {
  fc.assert(
    fc.property(fc.constantFrom(...SETTINGS), fc.anything(), (spec, value) => {
      try {
        const settings = readSettings(noEnv, { [spec.name]: value });
        if (spec.name === "batch_size") {
          assert.ok(settings.batchSize >= spec.min && settings.batchSize <= spec.max);
        }
      } catch (error) {
        assert.ok(error instanceof OrchestratorError, String(error));
      }
    }),
  );
});

Deno.test("environment variables are named after the settings", () => {
  assert.equal(nameEnvironmentVariable("worker_max_calls"), "ORCHESTRATOR_WORKER_MAX_CALLS");
});
