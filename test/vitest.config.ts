/** The configuration of the root, for whoever names this one. */
export { default } from "../vitest.config.ts";
