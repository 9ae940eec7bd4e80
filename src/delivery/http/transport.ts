/** The contract of what carries one POST: the worker knows this, and nothing of HTTP. */
import type { AttemptOutcome } from "../../event/attempt-outcome.ts";
import type { Endpoint } from "../../event/endpoint.ts";

export interface Post {
  readonly endpoint: Endpoint;
  /** Name, value, name, value … as sent. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** What became of a post. */
export interface Posted extends AttemptOutcome {
  /**
   * The reason was here, not with the endpoint, so that it counts as no attempt: `closed`, or the system's word for
   * what this process is short of, such as `EMFILE`.
   */
  readonly ours?: string;
}

/** This process ended it, or never began it. */
export const cutOff = { outcome: "reset", durationMs: 0, ours: "closed" } as const satisfies Posted;

export interface Transport {
  /** Sends one POST. Resolves with what became of it, at the latest when the endpoint's timeout is over. */
  post(post: Post): Promise<Posted>;
  /** Closes the endpoint's connections once their requests ended. */
  forget(endpoint: Endpoint): void;
  /** Cuts every connection, and opens no other. */
  close(): Promise<void>;
}

/** What one POST carries. */
export interface Message {
  /** The `webhook-id`: the same over all retries. */
  readonly id: string;
  /** `X-Mova-Event`. */
  readonly type: string;
  /** `X-Mova-Delivery`. */
  readonly deliveryId: string;
  readonly body: Buffer;
  /** By lower-case name; they come before the endpoint's own. */
  readonly headers?: Readonly<Record<string, string>>;
}
