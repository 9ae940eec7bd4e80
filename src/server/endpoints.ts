/** The endpoints over HTTP: their health at a glance, and their switch. */
import { type Context, Hono } from "hono";
import { WebhookError } from "../event/errors.ts";
import type { EndpointStatus } from "../manager/endpoints.ts";
import type { Activity, LastAttempt } from "../telemetry/activity.ts";
import { enabling, nothing } from "../settings/calls.ts";
import { readBody } from "./request.ts";
import type { Served } from "./served.ts";

/** What the API shows of an endpoint. Of its URL only the origin: paths and queries of hooks are often secrets. */
export interface EndpointView extends Omit<EndpointStatus, "url"> {
  readonly origin: string;
  /** `dead_letters`: nothing fails in this process, but dead deliveries are kept for it. */
  readonly health: "ok" | "dead_letters" | "failing" | "circuit_open" | "disabled";
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
    const replayed = await served.enableEndpoint(id, { replay });
    return context.json({ id, enabled: true, ...(replay ? { replayed: replayed ?? [] } : {}) });
  });

  routes.on("POST", switches("disable"), async (context) => {
    await readBody(context, nothing);
    const id = known(context);
    served.setEndpointEnabled(id, false);
    return context.json({ id, enabled: false });
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
function switches(verb: "enable" | "disable"): string[] {
  return [`/endpoints/:id/${verb}`, `/endpoints/${verb}`];
}

function viewOf(status: EndpointStatus, lastAttempt: LastAttempt | undefined): EndpointView {
  const { url, ...rest } = status;
  const seen = lastAttempt === undefined ? {} : { lastAttempt };
  return { ...rest, origin: new URL(url).origin, health: healthOf(status), ...seen };
}

function healthOf({ enabled, circuit, failingSince, dead }: EndpointStatus): EndpointView["health"] {
  if (!enabled) return "disabled";
  if (circuit !== "closed") return "circuit_open";
  if (failingSince !== undefined) return "failing";
  return dead > 0 ? "dead_letters" : "ok";
}
