/** Every known difference between this receiver and the published libraries, and why ours is right. */
import { createHmac } from "node:crypto";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type JudgedRequest, libraryVerdict, ourVerdict, type Verdict } from "../support/differential.ts";
import {
  eventBody,
  signedAtMs,
  signedAtSeconds,
  signRequest,
  testSecret,
} from "../support/signed-request.ts";

beforeAll(() => void vi.useFakeTimers({ now: signedAtMs, toFake: ["Date"] }));
afterAll(() => void vi.useRealTimers());

const { body, headers } = signRequest(eventBody("cache.updated", "\ufffd"));

/** A request with a signature that is right for its own id, time and bytes, whatever those are. */
function signAnyhow(bytes: Buffer, id: string, timestamp: string): JudgedRequest {
  const hmac = createHmac("sha256", Buffer.from(testSecret.slice(6), "base64"));
  const signature = `v1,${hmac.update(`${id}.${timestamp}.`).update(bytes).digest("base64")}`;
  return {
    body: bytes,
    headers: { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature },
  };
}

function withHeaders(changed: Record<string, unknown>): JudgedRequest {
  return { body, headers: { ...headers, ...changed } };
}

const svixHeaders = Object.fromEntries(
  ["id", "timestamp", "signature"].map((name) => [`svix-${name}`, headers[`webhook-${name}`]]),
);
const seconds = String(signedAtSeconds);
const plainSecret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

type Row = readonly [
  what: string,
  request: JudgedRequest,
  ours: Verdict,
  standardwebhooks: Verdict,
  svix: Verdict,
  why: string,
];
const differences: readonly Row[] = [
  [
    "a byte FF in place of a signed U+FFFD",
    { body: Buffer.from(body.toString("latin1").replace("\u00ef\u00bf\u00bd", "\u00ff"), "latin1"), headers },
    ...(["reject", "accept", "accept"] as const),
    "they sign the decoded text, in which different bytes look the same: this body was never signed",
  ],
  [
    "signed bytes that are not UTF-8",
    signAnyhow(Buffer.from([0x22, 0xff, 0x22]), "evt_1", seconds),
    ...(["accept", "reject", "reject"] as const),
    "the bytes are those that were signed; as an event they are refused with BODY_INVALID",
  ],
  [
    "a time with letters behind it",
    withHeaders({ "webhook-timestamp": `${seconds}abc` }),
    ...(["reject", "accept", "accept"] as const),
    "they sign the number they could read, so that many texts pass for one; ours is the text as sent",
  ],
  [
    "a time with zeros before it",
    withHeaders({ "webhook-timestamp": `00${seconds}` }),
    ...(["reject", "accept", "accept"] as const),
    "the same",
  ],
  [
    "an id with a dot",
    signAnyhow(body, "evt.1", seconds),
    ...(["reject", "accept", "accept"] as const),
    "the specification forbids it: the signed text could be cut elsewhere",
  ],
  [
    "an id with a blank",
    signAnyhow(body, "evt_1, evt_1", seconds),
    ...(["reject", "accept", "accept"] as const),
    "it is what Node makes of two headers, of which only one can be the event's",
  ],
  [
    "an id that is not ASCII",
    signAnyhow(body, "évt_1", seconds),
    ...(["reject", "accept", "accept"] as const),
    "a header is Latin-1 to Node and UTF-8 to others, so that one id becomes two",
  ],
  [
    "an array for the id",
    withHeaders({ "webhook-id": ["evt_1"] }),
    ...(["reject", "accept", "accept"] as const),
    "only a text is a header; an array is two headers or the caller's mistake",
  ],
  [
    "an array for the signature",
    withHeaders({ "webhook-signature": [headers["webhook-signature"]] }),
    ...(["reject", "crash", "crash"] as const),
    "they throw a TypeError, which a server answers with 500",
  ],
  [
    "the id under two spellings",
    withHeaders({ "Webhook-Id": "evt_2", "WEBHOOK-ID": "evt_1" }),
    ...(["reject", "accept", "accept"] as const),
    "they take the last, another layer may take the first",
  ],
  [
    "the good signature behind 300 others",
    withHeaders({ "webhook-signature": `${"v1,AAAA ".repeat(300)}${headers["webhook-signature"]}` }),
    ...(["reject", "accept", "accept"] as const),
    "nobody has so many secrets, and comparing them is work a stranger can order",
  ],
  [
    "a signature with more after a comma",
    withHeaders({ "webhook-signature": `${headers["webhook-signature"]},more` }),
    ...(["reject", "accept", "accept"] as const),
    "they cut it off, so that many texts pass for one signature",
  ],
  [
    "a body that is not JSON",
    signAnyhow(Buffer.from("not json"), "evt_1", seconds),
    ...(["accept", "crash", "crash"] as const),
    "it is genuine; as an event it is refused with BODY_INVALID, not with a SyntaxError",
  ],
  [
    "a content coding",
    withHeaders({ "content-encoding": "gzip" }),
    ...(["reject", "accept", "accept"] as const),
    "the signature is over the bytes before coding: whoever decoded them stands between sender and check",
  ],
  [
    "svix-* header names",
    { body, headers: svixHeaders },
    ...(["accept", "reject", "accept"] as const),
    "they are what webhook-* was called before the standard, and still are with Svix",
  ],
  [
    "a secret without whsec_, taken as text",
    { ...signRequest(body, { secret: plainSecret }), secret: plainSecret },
    ...(["accept", "reject", "reject"] as const),
    "they decode it as base64; the original's users have secrets that are plain texts",
  ],
];

it.each(differences)("%s", (_what, request, ours, standardwebhooks, svix) => {
  const verdicts = [
    ourVerdict(request),
    libraryVerdict("standardwebhooks", request),
    libraryVerdict("svix", request),
  ];
  expect(verdicts).toEqual([ours, standardwebhooks, svix]);
});

const agreements: readonly (readonly [string, JudgedRequest, Verdict])[] = [
  ["a good request", { body, headers }, "accept"],
  [
    "header names in upper case",
    {
      body,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toUpperCase(), value]),
      ),
    },
    "accept",
  ],
  [
    "the good signature among others",
    withHeaders({ "webhook-signature": `v1,AAAA v1a,AAAA ${headers["webhook-signature"]}` }),
    "accept",
  ],
  ["a changed body", { body: Buffer.concat([body, Buffer.from(" ")]), headers }, "reject"],
  ["another id", withHeaders({ "webhook-id": "evt_2" }), "reject"],
  ["a time that was not signed", withHeaders({ "webhook-timestamp": String(signedAtSeconds + 1) }), "reject"],
  ["301 s ago", signAnyhow(body, "evt_1", String(signedAtSeconds - 301)), "reject"],
  ["300 s ago", signAnyhow(body, "evt_1", String(signedAtSeconds - 300)), "accept"],
  ["in 300 s", signAnyhow(body, "evt_1", String(signedAtSeconds + 300)), "accept"],
  ["in 301 s", signAnyhow(body, "evt_1", String(signedAtSeconds + 301)), "reject"],
  ["no signature", withHeaders({ "webhook-signature": undefined }), "reject"],
  [
    "a signature of another version",
    withHeaders({ "webhook-signature": headers["webhook-signature"]?.replace("v1,", "v2,") }),
    "reject",
  ],
];

it.each(agreements)("all agree on %s", (_what, request, verdict) => {
  const verdicts = [
    ourVerdict(request),
    libraryVerdict("standardwebhooks", request),
    libraryVerdict("svix", request),
  ];
  expect(verdicts).toEqual([verdict, verdict, verdict]);
});
