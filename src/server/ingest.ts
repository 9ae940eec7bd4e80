/** `POST /api/events`: how other languages publish. */
import { Hono } from "hono";
import { WebhookError } from "../event/errors.ts";
import { submission } from "../settings/calls.ts";
import { readBody } from "./request.ts";
import type { Served } from "./served.ts";

/** Answers 202 with the event's id once it is stored. An `Idempotency-Key` is that id: sent again, nothing is stored again. */
export function ingestRoutes(served: Served): Hono {
  const routes = new Hono();
  routes.post("/events", async (context) => {
    const { eventType: type, data } = await readBody(context, submission);
    if (!served.isEnabled()) throw new WebhookError("DISABLED", "This manager takes no events");
    const id = idempotencyKey(context.req.header("idempotency-key"));
    try {
      const triggered = await served.triggerEvent(type, data, id === undefined ? {} : { id });
      return context.json({ id: triggered.id }, 202);
    } catch (error) {
      if (!WebhookError.is(error, "EVENT_ID_INVALID")) throw error;
      throw new WebhookError("EVENT_ID_INVALID", "The `Idempotency-Key` cannot be the event's id");
    }
  });
  return routes;
}

/** The header's draft standard has the key in quotes; most send it without. */
function idempotencyKey(header: string | undefined): string | undefined {
  return header?.replace(/^"(.*)"$/, "$1");
}
