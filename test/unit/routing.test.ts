import { describe, expect, it } from "vitest";
import type { WebhookEndpoint } from "../../src/event/endpoint.ts";
import { resolveEndpoint } from "../../src/settings/resolve-endpoint.ts";
import { createWebhookEvent } from "../../src/event/webhook-event.ts";
import { RoutingTable } from "../../src/routing/routing-table.ts";

function table(...endpoints: Partial<WebhookEndpoint>[]): RoutingTable {
  return new RoutingTable(
    endpoints.map((settings, index) => {
      const endpoint = resolveEndpoint({
        id: `e${index}`,
        url: "https://example.com",
        secret: "secret",
        ...settings,
      });
      return { endpoint, enabled: endpoint.enabled };
    }),
  );
}

function event(type: string, data: unknown = {}) {
  return createWebhookEvent({ type, data, occurredAt: 0 });
}

describe("routing", () => {
  it.each([
    [["validation.failed"], "validation.failed", true],
    [["validation.failed"], "validation.failed.twice", false],
    [["validation.*"], "validation.failed", true],
    [["validation.*"], "validations.failed", false],
    [["llm.*"], "llm.request.started", true],
    [["llm.request.*"], "llm.request.started", true],
    [["*"], "anything.at.all", true],
    [["cache.updated", "error.occurred"], "error.occurred", true],
  ])("with the patterns %j answers for %s: %s", (eventTypes, type, expected) => {
    const routing = table({ eventTypes }).route(event(type));
    expect(routing.endpoints).toHaveLength(expected ? 1 : 0);
    expect(routing.decisions[0]?.routed).toBe(expected);
  });

  it("gives every endpoint a decision with its reason", () => {
    const routing = table(
      { eventTypes: ["cache.*"] },
      { eventTypes: ["error.*"] },
      { enabled: false },
      { filter: () => false },
      {
        filter: () => {
          throw new Error("filter's own");
        },
      },
    ).route(event("cache.updated"));
    expect(routing.endpoints.map((endpoint) => endpoint.id)).toEqual(["e0"]);
    expect(routing.decisions).toEqual([
      { endpointId: "e0", routed: true, pattern: "cache.*" },
      { endpointId: "e1", routed: false, reason: "type" },
      { endpointId: "e2", routed: false, reason: "disabled" },
      { endpointId: "e3", routed: false, reason: "filter" },
      { endpointId: "e4", routed: false, reason: "filter_failed" },
    ]);
  });

  it("asks a filter with the event, and each event anew", () => {
    const routes = table({ filter: ({ data }) => (data as { size: number }).size > 10 });
    expect(routes.route(event("cache.updated", { size: 5 })).endpoints).toHaveLength(0);
    expect(routes.route(event("cache.updated", { size: 50 })).endpoints).toHaveLength(1);
  });

  it("is decided once per type where no filter is asked, for the first 10,000 types", () => {
    const routes = table({});
    for (let n = 0; n < 10_000; n += 1) routes.wants(`type.n${n}`);
    expect(routes.route(event("type.n9999"))).toBe(routes.route(event("type.n9999")));
    expect(routes.route(event("type.new"))).not.toBe(routes.route(event("type.new")));
    expect(routes.route(event("type.new"))).toEqual(routes.route(event("type.n0")));
  });

  it("wants a type only where an enabled endpoint covers it", () => {
    expect(table({ eventTypes: ["cache.*"] }).wants("cache.updated")).toBe(true);
    expect(table({ eventTypes: ["cache.*"] }).wants("error.occurred")).toBe(false);
    expect(table({ enabled: false }).wants("cache.updated")).toBe(false);
  });
});
