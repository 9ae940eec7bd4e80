export { default } from "./test/e2e/vitest.config.ts";
