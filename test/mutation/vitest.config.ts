/** The tests that `npm run mutation` runs: those of the rooms it mutates, without real clocks or processes. */
import { defineConfig } from "vitest/config";
import base from "../vitest.config.ts";

const unit = [
  ...["signing", "bad-signatures", "endpoint-secrets", "differential", "receiver"],
  ...["check-url", "judge-address", "redact-data"],
  ...["routing", "transforms", "retry", "schedule"],
];
const integration = ["guarded-connector", "pipeline"];

export default defineConfig({
  ...base,
  test: {
    include: [
      ...unit.map((name) => `test/unit/${name}.test.ts`),
      ...integration.map((name) => `test/integration/${name}.test.ts`),
    ],
  },
});
