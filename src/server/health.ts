/** `GET /healthz`: this process answers. `GET /readyz`: it delivers, and its outbox answers in time. */
import { Hono } from "hono";
import { WebhookError } from "../event/errors.ts";
import type { Logger } from "../event/logger.ts";
import { withDeadline } from "../time/deadline.ts";
import type { Served } from "./served.ts";
import { tokenCheck } from "./token.ts";

/** Whoever asks (a kubelet waits 1 s by default) wants a no rather than no answer. */
const readyDeadlineMs = 900;

/** Anybody may ask: what is wrong in detail, such as a store's address, is for the log and for who bears the token. */
export function healthRoutes(served: Served, logger: Logger, token?: string): Hono {
  const routes = new Hono();
  const mayKnow = token === undefined ? () => false : tokenCheck(token);
  let wasReady = true;

  routes.get("/healthz", (context) => context.text("ok\n"));
  routes.get("/readyz", async (context) => {
    const problem = await problemOf(served);
    const fault = problem !== undefined && !WebhookError.is(problem, "CLOSED");
    // Once for each change: those who ask do it every few seconds.
    if (fault && wasReady) logger.warn({ err: problem }, "not ready");
    if (!fault && !wasReady) logger.info({}, "ready again");
    wasReady = !fault;
    if (problem === undefined) return context.text("ready\n");
    const isTold = WebhookError.is(problem) && mayKnow(context.req.header("authorization"));
    const { code, message } = isTold ? problem : withoutDetail(problem, token !== undefined);
    return context.json({ error: { code, message } }, 503);
  });
  return routes;
}

async function problemOf(served: Served): Promise<unknown> {
  try {
    await withDeadline(served.ready(), readyDeadlineMs, () => {
      throw new WebhookError("OUTBOX_UNAVAILABLE", `No answer within ${readyDeadlineMs} ms`);
    });
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The message of a problem that nobody foresaw stays in the log, whoever asks. */
function withoutDetail(problem: unknown, hasToken: boolean): WebhookError {
  if (!WebhookError.is(problem)) {
    return new WebhookError("UNEXPECTED", "It cannot deliver", { remedy: "The log says why." });
  }
  if (problem.code === "CLOSED") return problem;
  const remedy = hasToken
    ? "The log says why; so does this answer to who sends the server's token."
    : "The log says why.";
  return new WebhookError(problem.code, "It cannot deliver: its outbox does not answer", { remedy });
}
