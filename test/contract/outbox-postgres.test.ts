/** Holds the Postgres outbox to the outbox contract. */
import { describe, it } from "vitest";
import { outboxSuite, reasonToSkip } from "../../src/testing/outbox-suite.ts";
import { postgresSubject, reasonWithoutPostgres } from "../support/postgres-subject.ts";

const without = await reasonWithoutPostgres();

describe("the Postgres outbox", () => {
  for (const { name, run, needs } of outboxSuite) {
    it(name, async ({ skip, onTestFinished }) => {
      if (without !== undefined) skip(without);
      const subject = postgresSubject();
      onTestFinished(() => subject.end());
      const reason = reasonToSkip(needs, subject, await subject.open());
      if (reason !== undefined) skip(reason);
      await run(subject);
    });
  }
});
