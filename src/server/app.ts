/** The routes of the server, and what every request must pass on its way to them. */
import { Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { secureHeaders } from "hono/secure-headers";
import { WebhookError } from "../event/errors.ts";
import { refuseForeignPages, requireJson, requireToken } from "./access.ts";
import { activityRoutes } from "./activity.ts";
import { consoleRoutes } from "./console/console.ts";
import { deliveryRoutes } from "./deliveries.ts";
import { endpointRoutes } from "./endpoints.ts";
import { answerFailure, RequestError } from "./failures.ts";
import { healthRoutes } from "./health.ts";
import { ingestRoutes } from "./ingest.ts";
import { scrapeRoutes } from "./scrape.ts";
import type { Served, ServedParts } from "./served.ts";

/** Nothing but the page's own files runs in it, and nobody may frame it. */
const policy = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  referrerPolicy: "no-referrer",
  // Nothing is served over TLS here.
  strictTransportSecurity: false,
  crossOriginResourcePolicy: "same-origin",
});

/** Health is open; the page itself too, because a browser cannot send a token with it, and it holds no data. */
export function createApp(served: Served, parts: ServedParts, token?: string): Hono {
  const app = new Hono();
  app.use(policy);
  app.onError((error, context) => answerFailure(context, error, parts.logger));
  app.notFound((context) => {
    const error = new RequestError(404, `There is no ${context.req.method} of this path`);
    return answerFailure(context, error, parts.logger);
  });
  app.route("/", healthRoutes(served, parts.logger, token));
  if (token === undefined) app.use(refuseForeignPages);
  app.route("/", consoleRoutes());
  if (token !== undefined) app.use(requireToken(token));
  app.use(async function neverCached(context, next) {
    await next();
    context.header("Cache-Control", "no-store");
  });
  app.post("*", requireJson, limitBody(parts.settings.maxBodyBytes));
  app.route("/", scrapeRoutes(served));
  app.route("/api", ingestRoutes(served));
  app.route("/api", deliveryRoutes(served));
  app.route("/api", endpointRoutes(served, parts.activity));
  app.route("/api", activityRoutes(parts.activity));
  return app;
}

/**
 * Ends reading at three times what an event's body may have: a Cyrillic letter of two bytes may come as `\u0434`. How
 * long the body itself becomes is known once it is written.
 */
function limitBody(maxBodyBytes: number): ReturnType<typeof bodyLimit> {
  return bodyLimit({
    maxSize: 3 * maxBodyBytes,
    onError() {
      throw new WebhookError("DATA_TOO_LARGE", `The request has more than ${3 * maxBodyBytes} bytes`);
    },
  });
}
