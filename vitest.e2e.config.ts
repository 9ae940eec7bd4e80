import { defineConfig } from "vitest/config";
import base from "./vitest.config.ts";

/** End-to-end tests run against the built package (`npm run build` first), one file after the other. */
export default defineConfig({
  ...(base.resolve === undefined ? {} : { resolve: base.resolve }),
  test: {
    include: ["test/e2e/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 60_000,
  },
});
