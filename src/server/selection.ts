/** Which deliveries a caller means: the same names in a query and in a body. */
import { z } from "zod";
import type { DeliveryQuery } from "../event/delivery.ts";

const id = z.string().min(1).max(256);

/** Unix milliseconds, or RFC 3339 with a zone. */
const time = z.union(
  [
    z.int().nonnegative(),
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
    z.iso.datetime({ offset: true }).transform(Date.parse),
  ],
  {
    error: "expected Unix milliseconds, or RFC 3339 such as 2026-01-31T12:00:00Z",
  },
);

const conditions = {
  event_id: id.exactOptional(),
  endpoint: id.exactOptional(),
  type: id.exactOptional(),
  since: time.exactOptional(),
  until: time.exactOptional(),
};

/** What `GET /api/deliveries` takes. */
export const pageQuery = z.strictObject({
  ...conditions,
  state: z.enum(["pending", "delivering", "delivered", "dead"]).exactOptional(),
  limit: z.coerce.number<string>().int().min(1).max(1000).exactOptional(),
  cursor: id.exactOptional(),
});

/** What `POST /api/replay` takes. */
export const selectionBody = z.strictObject({
  ...conditions,
  state: z.enum(["dead", "delivered"]).exactOptional(),
  limit: z.int().min(1).max(10_000).exactOptional(),
  delivery_ids: z.array(id).max(10_000).exactOptional(),
  dry_run: z.boolean().exactOptional(),
  all: z.boolean().exactOptional(),
});

interface Conditions {
  readonly event_id?: string;
  readonly endpoint?: string;
  readonly type?: string;
  readonly since?: number;
  readonly until?: number;
  readonly limit?: number;
}

export function toQuery({
  event_id,
  endpoint,
  type,
  since,
  until,
  limit,
}: Conditions): Omit<DeliveryQuery, "state" | "cursor"> {
  return {
    ...(event_id === undefined ? {} : { eventId: event_id }),
    ...(endpoint === undefined ? {} : { endpointId: endpoint }),
    ...(type === undefined ? {} : { eventType: type }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(limit === undefined ? {} : { limit }),
  };
}
