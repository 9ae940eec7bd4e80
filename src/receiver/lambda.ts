/** Receives webhooks in AWS Lambda, behind API Gateway (v1 and v2), a function URL or a load balancer: `export const handler = lambdaHandler(receiver)`. */
import { STATUS_CODES } from "node:http";
import { answerRequest } from "./answer.ts";
import { withoutLists } from "./received-headers.ts";
import type { WebhookReceiver } from "./receiver.ts";

/** What the three kinds of events have that is read here. */
export interface LambdaEvent {
  /** API Gateway v1 and load balancers. */
  readonly httpMethod?: string;
  readonly requestContext?: { readonly http?: { readonly method?: string } } | object;
  readonly headers?: Readonly<Record<string, string | undefined>> | null;
  /** Holds all headers where it is there; a load balancer then sends no `headers`. */
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[] | undefined>> | null;
  readonly body?: string | null;
  readonly isBase64Encoded?: boolean;
}

export interface LambdaAnswer {
  readonly statusCode: number;
  /** What a load balancer shows; the others ignore it. */
  readonly statusDescription: string;
  readonly headers?: Record<string, string>;
  readonly multiValueHeaders?: Record<string, string[]>;
  readonly body: string;
  readonly isBase64Encoded: false;
}

/** Waits for the handlers, however long they take, because what still runs after the answer is frozen. */
export function lambdaHandler(receiver: WebhookReceiver) {
  return async function receiveWebhook(event: LambdaEvent): Promise<LambdaAnswer> {
    const { multiValueHeaders, body, isBase64Encoded } = event;
    const incoming = {
      method: methodOf(event),
      headers: withoutLists(multiValueHeaders ?? event.headers ?? {}),
      readBody: async () => Buffer.from(body ?? "", isBase64Encoded === true ? "base64" : "utf8"),
    };
    const answer = await answerRequest(receiver, incoming, { startTimer: neverOver });
    // Nobody else can answer here.
    const { status, headers, body: text } = answer ?? { status: 500, headers: {}, body: "" };
    const lists = Object.entries(headers).map(([name, value]) => [name, [value]]);
    // A load balancer wants the kind that it sent.
    const answered = event.headers
      ? { headers: { ...headers } }
      : { multiValueHeaders: Object.fromEntries(lists) as Record<string, string[]> };
    const statusDescription = `${status} ${STATUS_CODES[status] ?? ""}`;
    return { statusCode: status, statusDescription, ...answered, body: text, isBase64Encoded: false };
  };
}

function methodOf({ httpMethod, requestContext }: LambdaEvent): string {
  if (httpMethod !== undefined) return httpMethod;
  const http = requestContext !== undefined && "http" in requestContext ? requestContext.http : undefined;
  return http?.method ?? "";
}

function neverOver(): () => void {
  return () => {};
}
