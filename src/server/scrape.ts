/** `GET /metrics`, in the format the scraper asks for. */
import { Hono } from "hono";
import { toTextFormat } from "../telemetry/metrics/text-format.ts";
import type { Served } from "./served.ts";

const openMetrics = "application/openmetrics-text";

export function scrapeRoutes(served: Served): Hono {
  const routes = new Hono();
  routes.get("/metrics", async (context) => {
    const { registry } = served;
    const text = await registry.metrics();
    if (!registry.contentType.startsWith(openMetrics))
      return context.body(text, 200, { "Content-Type": registry.contentType });
    const wantsOpenMetrics = context.req.header("accept")?.includes(openMetrics) ?? false;
    return wantsOpenMetrics
      ? context.body(text, 200, { "Content-Type": registry.contentType })
      : context.body(toTextFormat(text), 200, { "Content-Type": "text/plain; version=0.0.4; charset=utf-8" });
  });
  return routes;
}
