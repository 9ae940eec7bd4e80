/** The outbox for tests and short scripts. Published as `memoryOutbox` of `mova-webhooks`. */
export { memoryOutbox } from "./memory-outbox.ts";
