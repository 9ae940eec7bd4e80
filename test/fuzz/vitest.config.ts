/** `npm run test:fuzz`: generated input; FUZZ_RUNS=1000000 for the long form. */
import { defineConfig } from "vitest/config";
import base from "../../vitest.config.ts";

export default defineConfig({
  ...base,
  test: { include: ["test/fuzz/**/*.test.ts"], testTimeout: 1_800_000 },
});
