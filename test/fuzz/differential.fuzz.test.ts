/** On generated requests this receiver and the published libraries differ only where a reason is on the list. */
import fc from "fast-check";
import { afterAll, beforeAll, it, vi } from "vitest";
import { type JudgedRequest, libraryVerdict, ourVerdict } from "../support/differential.ts";
import { signedAtMs, signedAtSeconds, signRequest } from "../support/signed-request.ts";

const numRuns = Math.ceil(Number(process.env["FUZZ_RUNS"] ?? 100_000) / 4);

beforeAll(() => void vi.useFakeTimers({ now: signedAtMs, toFake: ["Date"] }));
afterAll(() => void vi.useRealTimers());

/** The classes of `test/unit/differential.test.ts`, told from the request alone. */
function mayDiffer({ body, headers }: JudgedRequest): boolean {
  const values = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) => headers[name]);
  if (values.some((value) => value !== undefined && typeof value !== "string")) return true;
  const [id = "", timestamp = "", signature = ""] = values as string[];
  const text = body.toString();
  return (
    !Buffer.from(text).equals(body) ||
    !isJson(text) ||
    !/^[\x21-\x7e]*$/.test(id) ||
    id.includes(".") ||
    !/^(0|[1-9][0-9]*)$/.test(timestamp) ||
    signature.length > 2048 ||
    signature.split(" ").some((entry) => entry.split(",").length > 2)
  );
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const signed = fc
  .record({
    text: fc.json({ maxDepth: 2 }),
    id: fc.stringMatching(/^[\w-]{1,12}$/),
    offset: fc.integer({ min: -302, max: 302 }),
  })
  .map(({ text, id, offset }) => signRequest(text, { id, timestamp: signedAtSeconds + offset }));

const otherValue = fc.oneof(
  fc.string({ unit: "binary-ascii" }),
  fc.constantFrom("", "0", "v1,", "v1,AAAA", `${signedAtSeconds}`, `${signedAtSeconds}.5`, undefined),
  fc.array(fc.string(), { maxLength: 2 }),
);
const edit = fc.oneof(
  { weight: 2, arbitrary: fc.constant((one: JudgedRequest) => one) },
  fc
    .uint8Array({ maxLength: 8 })
    .map((bytes) => (one: JudgedRequest) => ({ ...one, body: Buffer.concat([one.body, bytes]) })),
  fc
    .uint8Array({ maxLength: 8 })
    .map((bytes) => (one: JudgedRequest) => ({ ...one, body: Buffer.from(bytes) })),
  fc
    .record({
      name: fc.constantFrom("webhook-id", "webhook-timestamp", "webhook-signature"),
      value: otherValue,
    })
    .map(({ name, value }) => (one: JudgedRequest) => ({
      ...one,
      headers: { ...one.headers, [name]: value },
    })),
  fc
    .record({
      name: fc.constantFrom("webhook-id", "webhook-timestamp", "webhook-signature"),
      more: fc.string(),
      before: fc.boolean(),
    })
    .map(({ name, more, before }) => (one: JudgedRequest) => {
      const value = String(one.headers[name]);
      return { ...one, headers: { ...one.headers, [name]: before ? more + value : value + more } };
    }),
);

it.each(["standardwebhooks", "svix"] as const)("%s", (library) => {
  fc.assert(
    fc.property(signed, edit, (request, change) => {
      const changed = change(request);
      return ourVerdict(changed) === libraryVerdict(library, changed) || mayDiffer(changed);
    }),
    { numRuns },
  );
});
