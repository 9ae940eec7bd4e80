/** Who may ask: whoever has the token. Where none is set, any program of this machine, but no web page of somebody else. */
import type { MiddlewareHandler } from "hono";
import { WebhookError } from "../event/errors.ts";
import { isLoopbackHost } from "./loopback.ts";
import { tokenCheck } from "./token.ts";

/** Lets through requests that bear the token. */
export function requireToken(token: string): MiddlewareHandler {
  const bearsToken = tokenCheck(token);
  return async function requireToken(context, next) {
    const authorization = context.req.header("authorization");
    if (!bearsToken(authorization)) {
      const detail =
        authorization === undefined ? "This server wants a token" : "This is not the server's token";
      throw new WebhookError("TOKEN_INVALID", detail);
    }
    await next();
  };
}

/**
 * Lets through what no foreign web page can send. A page whose name was made to resolve to loopback sends its own
 * `Host`; a page elsewhere sends its `Origin` with everything but plain links and images, which only read.
 */
export const refuseForeignPages: MiddlewareHandler = async (context, next) => {
  const host = context.req.header("host");
  if (!isLoopbackHost(host)) {
    throw new WebhookError("REQUEST_REFUSED", "The `Host` header names another machine");
  }
  const origin = context.req.header("origin");
  if (origin !== undefined && origin.toLowerCase() !== `http://${host?.toLowerCase()}`) {
    throw new WebhookError("REQUEST_REFUSED", "The `Origin` header is that of another page");
  }
  await next();
};

/**
 * Wants JSON, uncompressed, from every POST: forms, which any page may send, have other types, also when they are
 * empty. Without a body no type is needed: a page that sends that also sends its `Origin`.
 */
export const requireJson: MiddlewareHandler = async (context, next) => {
  const type = context.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  const empty =
    Number(context.req.header("content-length") ?? 0) === 0 && !context.req.header("transfer-encoding");
  if (type !== "application/json" && !(type === undefined && empty)) {
    throw new WebhookError("BODY_ENCODED", "Expected `Content-Type: application/json`");
  }
  const encoding = context.req.header("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new WebhookError("BODY_ENCODED", "Expected no `Content-Encoding`");
  }
  await next();
};
