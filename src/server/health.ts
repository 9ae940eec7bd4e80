/** `GET /healthz`: this process answers. `GET /readyz`: it delivers, and its outbox answers in time. */
import { Hono } from "hono";
import { WebhookError } from "../event/errors.ts";
import type { Served } from "./served.ts";

/** Those who ask (a kubelet: 1 s by default) want a no rather than none. */
const readyDeadlineMs = 900;

export function healthRoutes(served: Served): Hono {
  const routes = new Hono();
  routes.get("/healthz", (context) => context.text("ok\n"));
  routes.get("/readyz", async (context) => {
    await beforeDeadline(served.ready());
    return context.text("ready\n");
  });
  return routes;
}

async function beforeDeadline(answer: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const error = new WebhookError("OUTBOX_UNAVAILABLE", `No answer within ${readyDeadlineMs} ms`);
    timer = setTimeout(reject, readyDeadlineMs, error);
  });
  try {
    await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
