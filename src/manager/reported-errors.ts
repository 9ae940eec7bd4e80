/** Publishes errors that the program caught and reported, once for every error object. */
import type { Bus } from "../bus/bus.ts";
import { describeErrorWithMessage } from "../event/describe-error.ts";
import type { Logger } from "../event/logger.ts";
import type { Host } from "../plugin/host.ts";
import type { Intake } from "./intake.ts";

export class ReportedErrors {
  readonly #bus: Bus;
  readonly #host: Host;
  readonly #intake: Intake;
  readonly #logger: Logger;
  /** Those that were reported while the error plugin was not in use. */
  readonly #seen = new WeakSet<object>();

  constructor({
    bus,
    host,
    intake,
    logger,
  }: { readonly bus: Bus; readonly host: Host; readonly intake: Intake; readonly logger: Logger }) {
    this.#bus = bus;
    this.#host = host;
    this.#intake = intake;
    this.#logger = logger;
  }

  /** Tells the error plugin, once it is loaded; without it, the event is made here. Never throws. */
  report(
    error: unknown,
    context: Readonly<Record<string, unknown>>,
    loaded: Promise<void> | undefined,
  ): void {
    const report = (): void => {
      try {
        this.#report(error, context);
      } catch (failure) {
        this.#logger.warn({ err: failure }, "an error could not be reported");
      }
    };
    if (loaded === undefined) report();
    else loaded.then(report, report);
  }

  #report(error: unknown, context: Readonly<Record<string, unknown>>): void {
    if (this.#host.has("error")) return this.#bus.publish("error:reported", { error, context });
    if (typeof error === "object" && error !== null) {
      if (this.#seen.has(error)) return;
      this.#seen.add(error);
    }
    if (!this.#intake.wants("error.occurred")) return;
    this.#intake.take("api", {
      type: "error.occurred",
      data: { ...describeErrorWithMessage(error), context },
    });
  }
}
