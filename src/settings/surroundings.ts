/** What several things take from the program around them: its logger and its clock. */
import type { Logger } from "../event/logger.ts";
import { callable, withMethods } from "./kinds.ts";

export const logger = withMethods<Logger>("a logger with debug, info, warn and error, such as a pino", [
  "debug",
  "info",
  "warn",
  "error",
]);

export const now = callable<() => number>("a function that returns Unix milliseconds");
