/** `POST /api/events`: how other languages publish. */
import { Hono } from "hono";
import { WebhookError } from "../event/errors.ts";
import { memberText } from "../event/json-parts.ts";
import { jsonText } from "../event/json-text.ts";
import { submission } from "../settings/calls.ts";
import { readJson, readText } from "./request.ts";
import type { Served } from "./served.ts";

/**
 * Answers 202 with the event's id once it is stored. An `Idempotency-Key` is that id: sent again, nothing is stored
 * again. `data` is handed on as the text that it came as.
 */
export function ingestRoutes(served: Served): Hono {
  const routes = new Hono();
  routes.post("/events", async (context) => {
    const { eventType, data: given } = submissionOf(await readText(context));
    if (!served.isEnabled()) throw new WebhookError("DISABLED", "This manager takes no events");
    const id = idempotencyKey(context.req.header("idempotency-key"));
    const data = given === undefined ? undefined : jsonText(given, "data");
    try {
      const triggered = await served.triggerEvent(eventType, data, id === undefined ? {} : { id });
      const { duplicate } = triggered;
      return context.json({ id: triggered.id, ...(duplicate === undefined ? {} : { duplicate }) }, 202);
    } catch (error) {
      if (!WebhookError.is(error, "EVENT_ID_INVALID")) throw error;
      throw new WebhookError("EVENT_ID_INVALID", "The `Idempotency-Key` cannot be the event's id");
    }
  });
  return routes;
}

interface Submitted {
  readonly eventType: string;
  /** As text; undefined where there is none. */
  readonly data: string | undefined;
}

function submissionOf(text: string): Submitted {
  const usual = usualSubmissionOf(text);
  if (usual !== undefined) return usual;
  const { eventType } = readJson(text, submission);
  return { eventType, data: memberText(text, "data") };
}

const usualStart =
  /^[ \t\r\n]*\{[ \t\r\n]*"event_type"[ \t\r\n]*:[ \t\r\n]*"([\w.-]*)"[ \t\r\n]*,[ \t\r\n]*"data"[ \t\r\n]*:/;

/**
 * Reads the body that nearly everybody sends, type first: then all between is the data, if it is one JSON value, and
 * nothing has to be looked for. Undefined for any other.
 */
function usualSubmissionOf(text: string): Submitted | undefined {
  const [start, eventType] = usualStart.exec(text) ?? [];
  const end = text.lastIndexOf("}");
  if (start === undefined || eventType === undefined || !/^[ \t\r\n]*$/.test(text.slice(end + 1)))
    return undefined;
  const data = text.slice(start.length, end);
  try {
    JSON.parse(data);
    return { eventType, data: data.trim() };
  } catch {
    return undefined;
  }
}

/** The header's draft standard has the key in quotes, a structured field; most send it without. */
function idempotencyKey(header: string | undefined): string | undefined {
  const quoted = header === undefined ? null : /^"(.*)"$/.exec(header);
  return quoted === null ? header : quoted[1]?.replace(/\\(["\\])/g, "$1");
}
