// Wiring of the example agents. They stand in for the app's own LLM agents: their answers are made
// up, and their behaviour can be scripted by the run's payload (script.ts). Replace them by yours.
import { serveAgents } from "../_shared/agent_kit/mod.ts";
import { archive } from "./agents/archive.ts";
import { brandUpdateBriefing } from "./agents/brand_update_briefing.ts";
import { cloBeginWeek } from "./agents/clo_begin_week.ts";
import { echo } from "./agents/echo.ts";
import { enrich } from "./agents/enrich.ts";
import { instructorDaily } from "./agents/instructor_daily.ts";
import { limited } from "./agents/limited.ts";
import { noop } from "./agents/noop.ts";
import { notify } from "./agents/notify.ts";
import { planner } from "./agents/planner.ts";
import { report } from "./agents/report.ts";
import { score } from "./agents/score.ts";
import { snapshot } from "./agents/snapshot.ts";
import { socraticSeed } from "./agents/socratic_seed.ts";
import { taGenerateWeek } from "./agents/ta_generate_week.ts";
import {
  bookHotel,
  cancelCharge,
  cancelFlight,
  cancelHotel,
  chargeCard,
  reserveFlight,
} from "./agents/travel.ts";
import { undo } from "./agents/undo.ts";
import { followScript } from "./script.ts";

const agents = [
  snapshot,
  instructorDaily,
  notify,
  cloBeginWeek,
  taGenerateWeek,
  socraticSeed,
  brandUpdateBriefing,
  enrich,
  score,
  archive,
  undo,
  reserveFlight,
  bookHotel,
  chargeCard,
  cancelFlight,
  cancelHotel,
  cancelCharge,
  planner,
  report,
  noop,
  echo,
  limited,
];

export default serveAgents({
  functionName: "agent-proxy",
  agents: agents.map(followScript),
});
