// Example agents of a saga: three bookings, and for each the call that takes it back. Who cancels must
// say what: the reference of the booking, so that a compensation without its input would show.
import { type Agent, type AgentCall, fail, ok } from "../../_shared/agent_kit/mod.ts";
import { inventNumber, readText } from "./invent.ts";

export const reserveFlight = book("/reserve_flight", "flight");
export const bookHotel = book("/book_hotel", "hotel");
export const chargeCard = book("/charge_card", "charge");

export const cancelFlight = cancel("/cancel_flight", "flight");
export const cancelHotel = cancel("/cancel_hotel", "hotel");
export const cancelCharge = cancel("/cancel_charge", "charge");

/** The same reference for the same run, so that runs can be compared. */
function book(path: string, what: string): Agent {
  return {
    method: "POST",
    path,
    run: (call) => {
      const number = inventNumber(
        `${call.user_id ?? "nobody"} ${what}`,
        1_000,
        9_999,
      );
      return ok({ what, reference: `${what}-${number}`, booked: true });
    },
  };
}

function cancel(path: string, what: string): Agent {
  return {
    method: "POST",
    path,
    run: (call) => {
      const reference = findReference(call);
      if (reference === "") {
        return fail(`inputs.reference is missing: which ${what} to cancel`);
      }
      return ok({ what, reference, cancelled: true });
    },
  };
}

/** As `with` gives it, or in the output of the step that is undone. */
function findReference({ inputs }: AgentCall): string {
  for (const holder of [inputs, ...Object.values(inputs)]) {
    const reference = readText(holder, "reference", "");
    if (reference !== "") return reference;
  }
  return "";
}
