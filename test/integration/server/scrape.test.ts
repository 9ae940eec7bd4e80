/** What Prometheus scrapes. */
import { describe, expect, it } from "vitest";
import { ask, serveDead } from "../../support/server.ts";

describe("metrics", () => {
  it("come in the format the scraper asks for", async () => {
    const { url } = await serveDead();
    const open = await ask(`${url}/metrics`, { headers: { accept: "application/openmetrics-text" } });
    expect(open.headers["content-type"]).toContain("application/openmetrics-text");
    expect(open.text).toMatch(/# EOF\n$/);
    const plain = await ask(`${url}/metrics`);
    expect(plain.headers["content-type"]).toContain("text/plain; version=0.0.4");
    expect(plain.text).toContain("# TYPE mova_webhook_attempts_total counter");
  });
});
