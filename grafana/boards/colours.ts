/** One meaning, one colour, on every board. */

import { outcomes } from "../../src/event/attempt-outcome.ts";

export const levels = { good: "green", watch: "orange", bad: "red", neutral: "blue" } as const;

/** By the name of the series: outcomes of attempts, ends and states of deliveries, quantiles. */
export const colours: Readonly<Record<string, string>> = {
  success: "green",
  delivered: "green",
  dead: "red",
  pending: "blue",
  delivering: "purple",
  http_3xx: "light-blue",
  http_4xx: "yellow",
  http_429: "light-orange",
  http_410: "dark-yellow",
  http_5xx: "red",
  timeout: "dark-orange",
  dns: "dark-purple",
  connect: "purple",
  tls: "super-light-purple",
  reset: "dark-red",
  blocked: "light-red",
  invalid_response: "semi-dark-blue",
  unsendable: "dark-blue",
  p50: "green",
  p95: "yellow",
  p99: "red",
};

/** The values a label can have, where they are a closed list. */
export const namesOf: Readonly<Record<string, readonly string[]>> = {
  outcome: [...outcomes, "delivered", "dead"],
  state: ["pending", "delivering", "dead"],
};
