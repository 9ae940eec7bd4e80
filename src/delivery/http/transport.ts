/** The contract of what carries one POST: the worker knows this, and nothing of HTTP. */
import type { AttemptOutcome } from "../../event/attempt-outcome.ts";
import type { Endpoint } from "../../event/endpoint.ts";

export interface Post {
  readonly endpoint: Endpoint;
  /** Name, value, name, value … as sent. */
  readonly headers: readonly string[];
  readonly body: Buffer;
}

/** This process ended it, or never began it. */
export const cutOff: AttemptOutcome = { outcome: "reset", durationMs: 0 };

export interface Transport {
  /** Sends one POST. Resolves with what became of it, at the latest when the endpoint's timeout is over. */
  post(post: Post): Promise<AttemptOutcome>;
  /** Closes the endpoint's connections once their requests ended. */
  forget(endpoint: Endpoint): void;
  /** Cuts every connection, and opens no other. */
  close(): Promise<void>;
}
