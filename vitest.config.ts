/** `npm test` and `npx vitest run <file>`: everything that is quick, against the sources. */
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** The package imports itself by its public name (as a stranger would); in tests that name means the sources. */
export const ownNames = [
  { find: /^mova-webhooks$/, replacement: path("./src/index.ts") },
  { find: /^mova-webhooks\/plugin$/, replacement: path("./src/plugin/contract.ts") },
  { find: /^mova-webhooks\/plugins$/, replacement: path("./plugins/index.ts") },
  { find: /^mova-webhooks\/plugins\/([a-z]+)$/, replacement: path("./plugins/$1/index.ts") },
  { find: /^mova-webhooks\/outbox\/([a-z]+)$/, replacement: path("./src/outbox/$1/index.ts") },
  { find: /^mova-webhooks\/receiver$/, replacement: path("./src/receiver/receiver.ts") },
  { find: /^mova-webhooks\/receiver\/([a-z]+)$/, replacement: path("./src/receiver/$1.ts") },
  { find: /^mova-webhooks\/transforms$/, replacement: path("./src/transforms/index.ts") },
  {
    find: /^mova-webhooks\/instrumentation$/,
    replacement: path("./src/instrumentation/instrumentation.ts"),
  },
  { find: /^mova-webhooks\/testing$/, replacement: path("./src/testing/index.ts") },
];

export default defineConfig({
  root: path("."),
  resolve: {
    alias: ownNames,
  },
  test: {
    include: ["test/{unit,contract,integration,types}/**/*.test.ts"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Most of the time they wait: more at once than there are cores.
    maxWorkers: 3,
    // Of this process alone: what programs of their own run, such as the command line, is not counted.
    coverage: {
      include: ["src/**/*.ts", "plugins/**/*.ts"],
      reporter: ["text", "json-summary"],
      reportsDirectory: "coverage/lines",
    },
  },
});
