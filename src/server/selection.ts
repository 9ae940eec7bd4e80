/** Which deliveries a caller means: the same names in a query and in a body. */
import { z } from "zod";
import type { DeliveryQuery } from "../event/delivery.ts";

const id = z
  .string({ error: "expected a text" })
  .min(1, { error: "expected a text that is not empty" })
  .max(256, { error: "expected at most 256 characters" });
const flag = z.boolean({ error: "expected true or false" });

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

const ids = "expected a list of at most 10000 delivery ids";

function wholeTo(max: number) {
  const error = `expected a whole number from 1 to ${max}`;
  return z.int({ error }).min(1, { error }).max(max, { error });
}

/** What `GET /api/deliveries` takes. */
export const pageQuery = z.strictObject({
  ...conditions,
  state: z
    .enum(["pending", "delivering", "delivered", "dead"], {
      error: "expected pending, delivering, delivered or dead",
    })
    .exactOptional(),
  limit: z.string().transform(Number).pipe(wholeTo(1000)).exactOptional(),
  cursor: id.exactOptional(),
});

/** What `POST /api/replay` takes. */
export const selectionBody = z.strictObject({
  ...conditions,
  state: z.enum(["dead", "delivered"], { error: "expected dead or delivered" }).exactOptional(),
  limit: wholeTo(10_000).exactOptional(),
  delivery_ids: z.array(id, { error: ids }).max(10_000, { error: ids }).exactOptional(),
  dry_run: flag.exactOptional(),
  all: flag.exactOptional(),
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
