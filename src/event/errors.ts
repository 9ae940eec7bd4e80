/** Every error this package throws: one class, one table of codes with what each means and what helps. */

interface ErrorEntry {
  readonly meaning: string;
  readonly remedy: string;
  /** True where the same call may succeed later without a change. */
  readonly retryable: boolean;
}

export const errorTable = {
  CONFIG_INVALID: {
    meaning: "The configuration file, an environment variable or an option is wrong.",
    remedy: "Correct the value the message points at.",
    retryable: false,
  },
  ENDPOINT_INVALID: {
    meaning: "An endpoint's settings cannot work.",
    remedy: "Correct the endpoint setting the message names.",
    retryable: false,
  },
  ENDPOINT_BLOCKED: {
    meaning: "An endpoint's address is one that is never called.",
    remedy: "Use a public https address, or list the address range in `network.allow`.",
    retryable: false,
  },
  SECRET_INVALID: {
    meaning: "A signing secret is missing or empty, or a `whsec_` secret is not base64.",
    remedy: "Set `secret` to at least 24 random bytes, for example from `mova-webhooks secret`.",
    retryable: false,
  },
  EVENT_TYPE_UNKNOWN: {
    meaning: "An event type or pattern is malformed, or nobody declares it.",
    remedy: "Use a known type, add the plugin that declares it, or list it in the `eventTypes` option.",
    retryable: false,
  },
  EVENT_ID_INVALID: {
    meaning: "An event id given by the caller cannot be a `webhook-id`.",
    remedy: "Use 1 to 255 visible ASCII characters, without blanks.",
    retryable: false,
  },
  EVENT_ID_REUSED: {
    meaning: "An event id was used before, for an event of another type or with other data.",
    remedy: "Give each event an id of its own, and the same one only where the same event is sent again.",
    retryable: false,
  },
  DATA_UNSERIALISABLE: {
    meaning: "Event data cannot be written as JSON.",
    remedy: "Pass plain JSON data without cycles, BigInt values or a throwing `toJSON`.",
    retryable: false,
  },
  DATA_TOO_LARGE: {
    meaning: "An event body is over the size limit.",
    remedy: "Send a reference instead of the content, or raise `maxBodyBytes`.",
    retryable: false,
  },
  PLUGIN_INVALID: {
    meaning: "A source plugin breaks the contract: its name, event types or contract version.",
    remedy: "Correct the plugin as the message says; `mova-webhooks/testing` checks the whole contract.",
    retryable: false,
  },
  PLUGIN_UNKNOWN: {
    meaning: "A plugin named in the configuration cannot be loaded.",
    remedy: "Use a built-in name, an installed package, or a path that starts with `./`.",
    retryable: false,
  },
  COMPONENT_UNKNOWN: {
    meaning: "No plugin recognises the object given to `instrument`.",
    remedy: "Add the plugin that knows this library, or publish on the bus yourself.",
    retryable: false,
  },
  OUTBOX_FULL: {
    meaning: "The outbox holds as many unfinished deliveries as it may.",
    remedy: "Bring the failing endpoints back, prune or replay dead deliveries, or raise the outbox's limit.",
    retryable: true,
  },
  OUTBOX_UNAVAILABLE: {
    meaning: "The outbox's store did not answer or refused to write.",
    remedy: "Check that the store is reachable and has room; the same call may succeed later.",
    retryable: true,
  },
  OUTBOX_INVALID: {
    meaning: "The outbox's store is damaged, of a newer version, or not an outbox.",
    remedy: "Use another path or key prefix, or upgrade this package.",
    retryable: false,
  },
  TRANSACTION_UNSUPPORTED: {
    meaning: "The outbox cannot store within the transaction that was given; nothing was stored.",
    remedy: "Use an outbox in the same database as the transaction, or publish after it was committed.",
    retryable: false,
  },
  DEPENDENCY_MISSING: {
    meaning: "An optional package that was chosen is not installed.",
    remedy: "Install the package the message names.",
    retryable: false,
  },
  DELIVERY_UNKNOWN: {
    meaning: "No delivery has this id.",
    remedy: "List deliveries with `find()` or `mova-webhooks deliveries list`.",
    retryable: false,
  },
  DELIVERY_BUSY: {
    meaning: "A delivery does not wait: an attempt is under way, or it is finished.",
    remedy: "Look at its state with `get()`; what is finished can be replayed.",
    retryable: false,
  },
  ENDPOINT_UNKNOWN: {
    meaning: "No endpoint has this id.",
    remedy: "List endpoints with `getEndpoints()`, `mova-webhooks status` or `GET /api/endpoints`.",
    retryable: false,
  },
  EVENT_UNKNOWN: {
    meaning: "No event has this id.",
    remedy: "Look at the `eventId` of a delivery; events are forgotten once their records are pruned.",
    retryable: false,
  },
  DISABLED: {
    meaning: "The manager takes no events, because it is switched off.",
    remedy: "Set `enabled` to true, or call `setEnabled(true)`.",
    retryable: true,
  },
  CLOSED: {
    meaning: "The manager was closed.",
    remedy: "Create a new WebhookManager; a closed one accepts nothing.",
    retryable: false,
  },
  TOKEN_INVALID: {
    meaning: "A request to the server bears no token, or a wrong one.",
    remedy: "Send the value of `server.token` as `Authorization: Bearer …`.",
    retryable: false,
  },
  REQUEST_REFUSED: {
    meaning: "A request to the server has a `Host` or `Origin` header as web pages of others send it.",
    remedy: "Call it by `127.0.0.1` or `localhost`, or set `server.token`; with a token any name will do.",
    retryable: false,
  },
  REQUEST_INVALID: {
    meaning: "A request to the server asks for nothing there is, or in a form it does not understand.",
    remedy: "Correct what the message names.",
    retryable: false,
  },
  UNEXPECTED: {
    meaning: "Something failed in a way that this package did not foresee.",
    remedy: "Look at the log for the error itself, and report it.",
    retryable: true,
  },
  HEADERS_MISSING: {
    meaning: "A received request lacks a signature header that is required.",
    remedy: "Pass the request's own headers; check that no proxy strips them.",
    retryable: false,
  },
  SIGNATURE_INVALID: {
    meaning: "No signature of a received request matches its body.",
    remedy: "Check that both sides use the same secret and that the body bytes are untouched.",
    retryable: false,
  },
  TIMESTAMP_INVALID: {
    meaning: "A received timestamp is not a number of Unix seconds.",
    remedy: "Send Unix seconds as digits.",
    retryable: false,
  },
  TIMESTAMP_EXPIRED: {
    meaning: "A received timestamp is outside the tolerance.",
    remedy: "Check both clocks; a captured request sent again is refused on purpose.",
    retryable: false,
  },
  BODY_PARSED: {
    meaning: "The receiver was given a parsed body, whose bytes are no longer those that were signed.",
    remedy: "Give the raw bytes: disable the JSON body parser for this route, or use an adapter.",
    retryable: false,
  },
  BODY_INCOMPLETE: {
    meaning: "A received body broke off, or did not come in time.",
    remedy: "Send it again; where bodies are slow, raise `bodyWithin` of the adapter.",
    retryable: true,
  },
  BODY_TOO_LARGE: {
    meaning: "A received body is over the receiver's limit.",
    remedy: "Raise `maxBytes` on the receiver if the sender is trusted.",
    retryable: false,
  },
  BODY_INVALID: {
    meaning: "A received body is correctly signed, but is not a UTF-8 JSON event.",
    remedy: "Send a JSON object with `event_type` and `data`.",
    retryable: false,
  },
  BODY_ENCODED: {
    meaning: "A received body has a content type or encoding that cannot be verified as received.",
    remedy: "Send `application/json` without content-encoding.",
    retryable: false,
  },
  EVENT_IN_PROGRESS: {
    meaning: "Another request with the same event is being handled, and may still fail.",
    remedy: "Send it again later; once it is handled, it is answered as a duplicate.",
    retryable: true,
  },
  STORE_UNAVAILABLE: {
    meaning: "A receiver's store did not answer, so that it cannot tell whether an event is a duplicate.",
    remedy: "Check that the store is reachable; the sender will try again.",
    retryable: true,
  },
  HANDLER_FAILED: {
    meaning: "A receiver's handler threw, so that the sender will try again.",
    remedy: "Look at the handler's error, which is logged where it was thrown.",
    retryable: true,
  },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;

const brand = Symbol.for("mova-webhooks.error");

interface ErrorOptions {
  readonly cause?: unknown;
  readonly remedy?: string;
}

/** Carries a code of `errorTable`, a message that ends in its remedy, and never a payload, secret or full URL. */
export class WebhookError extends Error {
  override readonly name = "WebhookError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** The message without its remedy. */
  readonly detail: string;
  readonly [brand] = true;

  /** `remedy` replaces the table's where more is known of what helps. */
  constructor(code: ErrorCode, detail: string, { cause, remedy }: ErrorOptions = {}) {
    const what = detail.replace(/\.$/, "");
    super(`${what}. ${remedy ?? errorTable[code].remedy}`, cause === undefined ? {} : { cause });
    this.code = code;
    this.detail = what;
    this.retryable = errorTable[code].retryable;
  }

  /** Recognises a WebhookError, also one made by another copy of this package, optionally of one code. */
  static is(error: unknown, code?: ErrorCode): error is WebhookError {
    if (typeof error !== "object" || error === null || !(brand in error)) return false;
    return code === undefined || (error as WebhookError).code === code;
  }
}
