/** `GET /api/activity`: what a live view asks for each second. */
import { Hono } from "hono";
import { activityQuery } from "../settings/calls.ts";
import type { Activity } from "../telemetry/activity.ts";
import { readQuery } from "./request.ts";

/** While `revision` stays the same, nothing has happened. `since` is the first of the Unix seconds wanted. */
export function activityRoutes(activity: Activity): Hono {
  const routes = new Hono();
  routes.get("/activity", (context) => {
    const { since = 0 } = readQuery(context, activityQuery);
    const { revision } = activity;
    return context.json({ now: activity.now(), revision, seconds: activity.secondsFrom(since) });
  });
  return routes;
}
