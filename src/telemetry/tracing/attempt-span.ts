/** The two spans of one attempt: its delivery, and the HTTP request in it. */
import * as api from "@opentelemetry/api";
import type { AttemptOutcome } from "../../event/attempt-outcome.ts";
import type { AttemptFacts, AttemptSpan } from "../trace-contract.ts";
import { startDeliver } from "./deliver-span.ts";
import { startPost } from "./post-span.ts";
import { error, guarded, Identity } from "./running-span.ts";
import * as name from "./semconv.ts";
import { suppressed } from "./suppressed.ts";
import { writeTraceContext } from "./trace-context.ts";

export class RunningAttempt extends Identity implements AttemptSpan {
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly #deliver: api.Span;
  readonly #post: api.Span;

  constructor(tracer: api.Tracer, facts: AttemptFacts, now: number) {
    const deliver = startDeliver(tracer, facts, now);
    const post = startPost(tracer, facts, deliver);
    super(deliver.spanContext());
    const carrier = writeTraceContext(post.spanContext());
    if (carrier !== undefined) this.traceparent = carrier.traceparent;
    if (carrier?.tracestate !== undefined) this.tracestate = carrier.tracestate;
    this.#deliver = deliver;
    this.#post = post;
  }

  run<Result>(request: () => Result): Result {
    return api.context.with(api.trace.setSpan(suppressed, this.#post), request);
  }

  end({ outcome, status }: AttemptOutcome): void {
    guarded(() => {
      if (this.#post.isRecording() && status !== undefined) {
        this.#post.setAttribute(name.HTTP_RESPONSE_STATUS_CODE, status);
      }
    });
    for (const span of [this.#post, this.#deliver]) {
      guarded(() => {
        if (outcome !== "success" && span.isRecording()) {
          span.setAttribute(name.ERROR_TYPE, outcome);
          span.setStatus(error);
        }
        span.end();
      });
    }
  }
}
