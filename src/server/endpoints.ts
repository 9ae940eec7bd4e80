/** The endpoints over HTTP: their health at a glance, and their switch. */
import { Hono } from "hono";
import { z } from "zod";
import { WebhookError } from "../event/errors.ts";
import type { EndpointStatus } from "../endpoints.ts";
import type { Activity, LastAttempt } from "../telemetry/activity.ts";
import { readBody } from "./request.ts";
import type { Served } from "./served.ts";

/** What the API shows of an endpoint. Of its URL only the origin: paths and queries of hooks are often secrets. */
interface EndpointView extends Omit<EndpointStatus, "url"> {
  readonly origin: string;
  readonly health: "ok" | "failing" | "circuit_open" | "disabled";
  readonly lastAttempt?: LastAttempt;
}

const nothing = z.strictObject({});

export function endpointRoutes(served: Served, activity: Activity): Hono {
  const routes = new Hono();

  routes.get("/endpoints", async (context) => {
    const statuses = await served.status();
    return context.json({
      endpoints: statuses.map((status) => viewOf(status, activity.lastAttempt(status.id))),
    });
  });

  for (const [verb, enabled] of [
    ["enable", true],
    ["disable", false],
  ] as const) {
    routes.post(`/endpoints/:id/${verb}`, async (context) => {
      await readBody(context, nothing);
      const id = context.req.param("id");
      // The switch itself takes URLs too, which have no place in one.
      const known = served.getEndpoints().some((endpoint) => endpoint.id === id);
      if (!known || !served.setEndpointEnabled(id, enabled)) {
        throw new WebhookError("ENDPOINT_UNKNOWN", "There is no such endpoint");
      }
      return context.json({ id, enabled });
    });
  }

  return routes;
}

function viewOf(status: EndpointStatus, lastAttempt: LastAttempt | undefined): EndpointView {
  const { url, ...rest } = status;
  const seen = lastAttempt === undefined ? {} : { lastAttempt };
  return { ...rest, origin: new URL(url).origin, health: healthOf(status), ...seen };
}

function healthOf({ enabled, circuit, failingSince }: EndpointStatus): EndpointView["health"] {
  if (!enabled) return "disabled";
  if (circuit !== "closed") return "circuit_open";
  return failingSince === undefined ? "ok" : "failing";
}
