/** Events as outboxes are given them, for tests that store some without a manager. */
import type { Submission } from "../../src/outbox/outbox.ts";

export interface SubmissionOptions {
  readonly type?: string;
  readonly body?: Buffer;
  /** When the event was made and its delivery is due. @default now */
  readonly at?: number;
}

/** Returns the event `id` with one delivery, `dlv_` and that id, to the endpoint `ops`. */
export function submission(
  id: string,
  { type = "cache.updated", body = Buffer.from("{}"), at = Date.now() }: SubmissionOptions = {},
): Submission {
  return {
    event: { id, type, source: "api", createdAt: at, body, origin: "test", decisions: [] },
    deliveries: [{ id: `dlv_${id}`, endpointId: "ops", dueAt: at }],
  };
}
