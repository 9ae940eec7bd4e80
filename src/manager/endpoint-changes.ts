/** What a configuration that is read again changes among the endpoints of the one before. */
import { isDeepStrictEqual } from "node:util";
import type { Endpoint, EndpointDefaults, WebhookEndpoint } from "../event/endpoint.ts";
import { WebhookError } from "../event/errors.ts";
import type { EndpointBook } from "../routing/endpoint-book.ts";
import { resolveEndpoint } from "../settings/resolve-endpoint.ts";

/** Ids of the endpoints that a new configuration brought, changed and took away. */
export interface EndpointChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** Endpoints of a configuration, with what those of them get that set nothing themselves. */
export interface ConfiguredEndpoints {
  readonly endpoints: readonly WebhookEndpoint[];
  readonly defaults: EndpointDefaults;
}

interface PlannedChanges {
  readonly added: readonly Endpoint[];
  /** `isSwitched` where `enabled` itself was changed, which else stays as it is in the process. */
  readonly changed: readonly { readonly endpoint: Endpoint; readonly isSwitched: boolean }[];
  readonly removed: readonly string[];
}

/** Changes nothing. Throws what is wrong with a setting, and ENDPOINT_INVALID for an id that somebody else brought. */
export function planChanges(
  book: EndpointBook,
  before: ConfiguredEndpoints,
  after: ConfiguredEndpoints,
): PlannedChanges {
  const known = new Map(
    before.endpoints.map((settings) => [resolveEndpoint(settings, before.defaults).id, settings]),
  );
  const sameDefaults = isDeepStrictEqual(before.defaults, after.defaults);
  const next = after.endpoints.map((settings) => ({
    settings,
    endpoint: book.check(settings, after.defaults),
  }));
  const taken = next.find(({ endpoint }) => !known.has(endpoint.id) && book.get(endpoint.id) !== undefined);
  if (taken !== undefined) {
    const detail = `There is an endpoint \`${taken.endpoint.id}\` that the configuration did not bring`;
    throw new WebhookError("ENDPOINT_INVALID", detail);
  }
  const kept = new Set(next.map(({ endpoint }) => endpoint.id));
  const removed = [...known.keys()].filter((id) => !kept.has(id));
  const added = next.filter(({ endpoint }) => !known.has(endpoint.id)).map(({ endpoint }) => endpoint);
  const changed = next.flatMap(({ settings, endpoint }) => {
    const last = known.get(endpoint.id);
    if (last === undefined || (sameDefaults && isDeepStrictEqual(settings, last))) return [];
    return [{ endpoint, isSwitched: settings.enabled !== last.enabled }];
  });
  return { added, changed, removed };
}
