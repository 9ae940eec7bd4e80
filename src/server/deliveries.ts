/** The records over HTTP: search, one delivery, what became of an event, and replay. */
import { Hono } from "hono";
import type { Delivery } from "../event/delivery.ts";
import { WebhookError } from "../event/errors.ts";
import { RequestError } from "./failures.ts";
import { attemptQuery, nothing, query, reasoned, selection } from "../settings/calls.ts";
import { readBody, readQuery } from "./request.ts";
import type { Served } from "./served.ts";

export function deliveryRoutes(served: Served): Hono {
  const routes = new Hono();

  routes.get("/deliveries", async (context) => {
    const wanted = readQuery(context, query);
    return context.json(await withCursor(wanted.cursor, () => served.find(wanted)));
  });

  routes.get("/attempts", async (context) => {
    const wanted = readQuery(context, attemptQuery);
    return context.json(await withCursor(wanted.cursor, () => served.attempts(wanted)));
  });

  routes.get("/deliveries/:id", async (context) => {
    return context.json(await known(context.req.param("id")));
  });

  routes.post("/deliveries/:id/replay", async (context) => {
    await readBody(context, nothing);
    const { id, state, endpointId } = await known(context.req.param("id"));
    const replayed = await served.replay({ deliveryIds: [id], endpointId });
    if (replayed.length === 0) {
      throw new RequestError(409, `The delivery is ${state}; only a finished one can be replayed`);
    }
    return context.json({ replayed });
  });

  routes.post("/deliveries/:id/send", async (context) => {
    await readBody(context, nothing);
    const { id } = await known(context.req.param("id"));
    await served.sendNow(id, "api");
    return context.json({ id, sent: true });
  });

  routes.post("/deliveries/:id/cancel", async (context) => {
    const { reason } = await readBody(context, reasoned);
    const { id } = await known(context.req.param("id"));
    await served.cancel(id, reason, "api");
    return context.json({ id, cancelled: true });
  });

  routes.post("/replay", async (context) => {
    const { dryRun = false, all = false, ...conditions } = await readBody(context, selection);
    if (Object.keys(conditions).length === 0 && !all) {
      throw new RequestError(
        400,
        'The body selects nothing: name a condition, or `"all": true` for every dead delivery',
      );
    }
    const replayed = await served.replay({ ...conditions, dryRun });
    const { limit, ...unlimited } = conditions;
    if (limit === undefined) return context.json({ replayed, dry_run: dryRun });
    const matching = await served.replay({ ...unlimited, dryRun: true });
    const remaining = matching.length - (dryRun ? replayed.length : 0);
    return context.json({ replayed, dry_run: dryRun, remaining });
  });

  routes.get("/events/:id", async (context) => {
    const explanation = await served.explain(context.req.param("id"));
    if (explanation === undefined) throw new WebhookError("EVENT_UNKNOWN", "The outbox knows no such event");
    return context.json(explanation);
  });

  async function withCursor<Page>(cursor: string | undefined, find: () => Promise<Page>): Promise<Page> {
    try {
      return await find();
    } catch (error) {
      if (cursor === undefined || !WebhookError.is(error, "CONFIG_INVALID")) throw error;
      throw new RequestError(400, `${error.detail}: take it from the page before, or leave it out`);
    }
  }

  async function known(id: string): Promise<Delivery> {
    const delivery = await served.get(id);
    if (delivery === undefined)
      throw new WebhookError("DELIVERY_UNKNOWN", "The outbox knows no such delivery");
    return delivery;
  }

  return routes;
}
