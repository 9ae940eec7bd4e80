/** The records over HTTP: search, one delivery, what became of an event, and replay. */
import { Hono } from "hono";
import { z } from "zod";
import type { Delivery } from "../event/delivery.ts";
import { WebhookError } from "../event/errors.ts";
import { RequestError } from "./failures.ts";
import { readBody, readQuery } from "./request.ts";
import { pageQuery, selectionBody, toQuery } from "./selection.ts";
import type { Served } from "./served.ts";

const nothing = z.strictObject({});

export function deliveryRoutes(served: Served): Hono {
  const routes = new Hono();

  routes.get("/deliveries", async (context) => {
    const { state, cursor, ...rest } = readQuery(context, pageQuery);
    const query = { ...toQuery(rest), ...(state === undefined ? {} : { state }) };
    try {
      return context.json(await served.find(cursor === undefined ? query : { ...query, cursor }));
    } catch (error) {
      if (cursor === undefined || !WebhookError.is(error, "CONFIG_INVALID")) throw error;
      throw new RequestError(400, `${error.detail}: take it from the page before, or leave it out`);
    }
  });

  routes.get("/deliveries/:id", async (context) => {
    return context.json(await known(context.req.param("id")));
  });

  routes.post("/deliveries/:id/replay", async (context) => {
    await readBody(context, nothing);
    const { id, state } = await known(context.req.param("id"));
    const replayed = await served.replay({ deliveryIds: [id] });
    if (replayed.length === 0) {
      throw new RequestError(409, `The delivery is ${state}; only a finished one can be replayed`);
    }
    return context.json({ replayed });
  });

  routes.post("/replay", async (context) => {
    const { state, delivery_ids, dry_run, all, ...rest } = await readBody(context, selectionBody);
    const query = toQuery(rest);
    const conditions = [...Object.values(query), state, delivery_ids].filter((each) => each !== undefined);
    if (conditions.length === 0 && all !== true) {
      throw new RequestError(
        400,
        'The body selects nothing: name a condition, or `"all": true` for every dead delivery',
      );
    }
    const replayed = await served.replay({
      ...query,
      ...(state === undefined ? {} : { state }),
      ...(delivery_ids === undefined ? {} : { deliveryIds: delivery_ids }),
      dryRun: dry_run ?? false,
    });
    return context.json({ replayed, dry_run: dry_run ?? false });
  });

  routes.get("/events/:id", async (context) => {
    const explanation = await served.explain(context.req.param("id"));
    if (explanation === undefined) throw new WebhookError("EVENT_UNKNOWN", "The outbox knows no such event");
    return context.json(explanation);
  });

  async function known(id: string): Promise<Delivery> {
    const delivery = await served.get(id);
    if (delivery === undefined)
      throw new WebhookError("DELIVERY_UNKNOWN", "The outbox knows no such delivery");
    return delivery;
  }

  return routes;
}
