/** What file and environment say, as everything else gets it. */
import type { WebhookEndpoint } from "../../event/endpoint.ts";
import type { OutboxChoice } from "../../outbox/outbox.ts";
import type { ListenOptions } from "../listen.ts";
import type { LogLevel, Retention } from "../manager.ts";
import type { NetworkOptions } from "../network.ts";
import type { PluginChoice } from "../plugin-use.ts";

/** Times are seconds. Printed or written as JSON, it hides its secrets. */
export interface WebhookConfig {
  /** @default true */
  readonly enabled: boolean;
  readonly timeout?: number;
  readonly maxRetries?: number;
  readonly secret?: string;
  readonly endpoints: readonly WebhookEndpoint[];
  readonly plugins: readonly PluginChoice[];
  readonly outbox?: OutboxChoice;
  readonly network: Omit<NetworkOptions, "lookup">;
  readonly server?: ListenOptions;
  /** Types that no plugin declares. */
  readonly eventTypes: readonly string[];
  readonly maxBodyBytes?: number;
  readonly retention?: Retention;
  readonly logLevel?: LogLevel;
  /** The file, where there is one. */
  readonly sourcePath?: string;
  /** What works but should be looked at. */
  readonly warnings: readonly string[];
}
