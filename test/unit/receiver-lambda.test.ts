/** Events as API Gateway, function URLs and load balancers send them. */
import { expect, it } from "vitest";
import { type LambdaEvent, lambdaHandler } from "../../src/receiver/lambda.ts";
import { WebhookReceiver } from "../../src/receiver/receiver.ts";
import { eventBody, signedAtMs, signRequest, testSecret } from "../support/signed-request.ts";

const { body: bytes, headers } = signRequest(eventBody("cache.updated", { größe: "日本" }));
const body = bytes.toString();
const lists = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
const inCapitals = Object.fromEntries(
  Object.entries(headers).map(([name, value]) => [
    name.replace(/(^|-)./g, (each) => each.toUpperCase()),
    value,
  ]),
);

const events: Readonly<Record<string, LambdaEvent>> = {
  "API Gateway, v1": {
    httpMethod: "POST",
    headers: inCapitals,
    multiValueHeaders: lists,
    requestContext: { httpMethod: "POST" },
    body,
    isBase64Encoded: false,
  },
  "API Gateway, v2, and function URLs": {
    headers,
    requestContext: { http: { method: "POST" } },
    body,
    isBase64Encoded: false,
  },
  "API Gateway, in base64": {
    headers,
    requestContext: { http: { method: "POST" } },
    body: bytes.toString("base64"),
    isBase64Encoded: true,
  },
  "a load balancer": {
    httpMethod: "POST",
    requestContext: { elb: {} },
    headers,
    body,
    isBase64Encoded: false,
  },
  "a load balancer with header lists": {
    httpMethod: "POST",
    requestContext: { elb: {} },
    multiValueHeaders: lists,
    body,
    isBase64Encoded: false,
  },
};

function makeReceiver(seen: unknown[] = []): WebhookReceiver {
  const receiver = new WebhookReceiver({ secret: testSecret, now: () => signedAtMs });
  receiver.addHandler("*", (data) => seen.push(data));
  return receiver;
}

it.each(Object.entries(events))(
  "%s: the event is handled once, and answered in kind",
  async (_name, event) => {
    const seen: unknown[] = [];
    const handler = lambdaHandler(makeReceiver(seen));
    const answer = await handler(event);
    await handler(event);
    expect(answer).toMatchObject({ statusCode: 200, statusDescription: "200 OK", isBase64Encoded: false });
    expect(JSON.parse(answer.body)).toEqual({ status: "success" });
    const type = event.headers
      ? answer.headers?.["content-type"]
      : answer.multiValueHeaders?.["content-type"]?.[0];
    expect(type).toBe("application/json");
    expect(seen).toEqual([{ größe: "日本" }]);
  },
);

it("what is wrong is refused, never thrown", async () => {
  const handler = lambdaHandler(makeReceiver());
  const twice = { ...lists, "webhook-id": ["evt_1", "evt_2"] };
  const cases: [LambdaEvent, number, string?][] = [
    [{ httpMethod: "GET", headers: {}, body: null }, 405],
    [{ httpMethod: "POST", headers: {}, body: null }, 401, "HEADERS_MISSING"],
    [{ httpMethod: "POST", headers, body: `${body} ` }, 401, "SIGNATURE_INVALID"],
    [{ httpMethod: "POST", multiValueHeaders: twice, body }, 401, "`webhook-id`"],
    [{ httpMethod: "POST", headers, body: "x".repeat(1_200_000) }, 413, "BODY_TOO_LARGE"],
    [{}, 405],
  ];
  for (const [event, statusCode, said = ""] of cases) {
    const answer = await handler(event);
    expect(answer.statusCode).toBe(statusCode);
    expect(answer.body).toContain(said);
  }
});

it("waits for handlers that are slow, since what runs after the answer is frozen", async () => {
  const receiver = makeReceiver();
  let slow = 0;
  receiver.addHandler("*", async () => {
    await new Promise((resolve) => setImmediate(resolve));
    slow += 1;
  });
  const answer = await lambdaHandler(receiver)({ httpMethod: "POST", headers, body });
  expect([answer.statusCode, slow]).toEqual([200, 1]);
});
