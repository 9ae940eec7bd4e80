/**
 * The tests of tracing once more, with OpenTelemetry's API 1.10 and SDK 3, which cannot be installed beside SDK 2 and need
 * Node 22.15: OPENTELEMETRY_3 names the folder they were installed into.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import base, { ownNames } from "../../vitest.config.ts";

const folder = process.env["OPENTELEMETRY_3"];
if (folder === undefined) throw new Error("OPENTELEMETRY_3 is not set");
const { resolve } = createRequire(join(folder, "package.json"));
const ofSdk3 = ["api", "context-async-hooks", "core", "sdk-trace"].map((name) => `@opentelemetry/${name}`);
const ofSdk2 = /^@opentelemetry\/sdk-(node|trace-base|trace-node)$/;

export default defineConfig({
  ...base,
  resolve: {
    alias: [
      { find: ofSdk2, replacement: fileURLToPath(new URL("sdk-2-names.mjs", import.meta.url)) },
      ...ofSdk3.map((name) => ({ find: new RegExp(`^${name}$`), replacement: resolve(name) })),
      ...ownNames,
    ],
  },
  test: {
    ...base.test,
    include: [
      ...["tracing", "receiver-trace", "plugins-span"].map((name) => `test/unit/${name}.test.ts`),
      "test/integration/traces.test.ts",
    ],
  },
});
