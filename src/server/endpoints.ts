/** The endpoints over HTTP: their health at a glance, and their switch. */
import { type Context, Hono } from "hono";
import { WebhookError } from "../event/errors.ts";
import type { EndpointStatus } from "../manager/endpoints.ts";
import type { Activity, LastAttempt } from "../telemetry/activity.ts";
import { enabling, nothing, reasoned } from "../settings/calls.ts";
import { readBody } from "./request.ts";
import type { Served } from "./served.ts";

/** What the API shows of an endpoint. Of its URL only the origin: paths and queries of hooks are often secrets. */
export interface EndpointView extends Omit<EndpointStatus, "url"> {
  readonly origin: string;
  /** `dead_letters`: nothing fails in this process, but dead deliveries are kept for it. */
  readonly health: "ok" | "dead_letters" | "failing" | "circuit_open" | "paused" | "disabled";
  readonly lastAttempt?: LastAttempt;
}

export function endpointRoutes(served: Served, activity: Activity): Hono {
  const routes = new Hono();

  routes.get("/endpoints", async (context) => {
    const statuses = await served.status();
    return context.json({
      endpoints: statuses.map((status) => viewOf(status, activity.lastAttempt(status.id))),
    });
  });

  routes.on("POST", switches("enable"), async (context) => {
    const { replay = false } = await readBody(context, enabling);
    const id = known(context);
    const { replayed, missed } = await served.endpoints.enableWithIds(id, { replay }, "api");
    const counts = { dead: replayed.length, missed: missed.length };
    return context.json({
      ...{ id, enabled: true },
      ...(replay ? { replayed: [...replayed, ...missed], missed: missed.length } : { replayable: counts }),
    });
  });

  routes.on("POST", switches("disable"), async (context) => {
    const { reason } = await readBody(context, reasoned);
    const id = known(context);
    await served.endpoints.disable(id, reason, "api");
    return context.json({ id, enabled: false });
  });

  routes.on("POST", switches("pause"), async (context) => {
    const { reason } = await readBody(context, reasoned);
    const id = known(context);
    await served.endpoints.pause(id, reason, "api");
    return context.json({ id, enabled: true, status: "paused" });
  });

  routes.on("POST", switches("resume"), async (context) => {
    await readBody(context, nothing);
    const id = known(context);
    await served.endpoints.resume(id, "api");
    const { enabled, status } = served.getEndpoints().find((endpoint) => endpoint.id === id) ?? {};
    return context.json({ id, enabled, status });
  });

  /** The switches themselves take URLs too, which have no place in one. */
  function known({ req }: Context): string {
    const id = req.param("id") ?? req.query("id");
    if (id !== undefined && served.getEndpoints().some((endpoint) => endpoint.id === id)) return id;
    throw new WebhookError("ENDPOINT_UNKNOWN", "There is no such endpoint");
  }

  return routes;
}

/** The id is in the path or, because no path can hold `..`, in the query. */
function switches(verb: "enable" | "disable" | "pause" | "resume"): string[] {
  return [`/endpoints/:id/${verb}`, `/endpoints/${verb}`];
}

function viewOf(status: EndpointStatus, lastAttempt: LastAttempt | undefined): EndpointView {
  const { url, ...rest } = status;
  const seen = lastAttempt === undefined ? {} : { lastAttempt };
  return { ...rest, origin: new URL(url).origin, health: healthOf(status), ...seen };
}

function healthOf({ enabled, status, circuit, failingSince, dead }: EndpointStatus): EndpointView["health"] {
  if (!enabled) return "disabled";
  if (status === "paused") return "paused";
  if (circuit !== "closed") return "circuit_open";
  if (failingSince !== undefined) return "failing";
  return dead > 0 ? "dead_letters" : "ok";
}
