import { mergeConfig } from "vitest/config";
import base from "./vitest.config.ts";

const config = mergeConfig(base, { test: { testTimeout: 600_000 } });
config.test.include = ["test/fuzz/**/*.test.ts"];

export default config;
