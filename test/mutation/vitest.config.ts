/** The tests that `npm run mutation` runs: those of the rooms it changes, without programs of their own. */
import { defineConfig } from "vitest/config";
import base from "../../vitest.config.ts";

const unit = [
  ...["signing", "bad-signatures", "endpoint-secrets", "differential", "receiver"],
  ...["check-url", "judge-address", "redact-data", "redact-text"],
  ...["routing", "transforms", "endpoint-book", "event-handlers", "explain", "retry", "schedule"],
];
const integration = ["guarded-connector"];

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    include: [
      "test/mutation/loading.test.ts",
      ...unit.map((name) => `test/unit/${name}.test.ts`),
      ...integration.map((name) => `test/integration/${name}.test.ts`),
    ],
    // What is slow while others work is not what the change broke.
    testTimeout: 60_000,
  },
});
