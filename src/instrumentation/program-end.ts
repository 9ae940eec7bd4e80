/** Delivers what is due when a program ends, without changing how it ends. */
import type { WebhookManager } from "../manager/manager.ts";
import type { TracingSdk } from "./tracing-sdk.ts";

/** How long a program that has nothing left to do is kept for deliveries. */
const drainMs = 5000;

/**
 * No signal is listened to, because a listener would take its effect away: a program that dies of one leaves what is
 * due in the outbox, like one that crashes or calls `process.exit()`. The next run delivers it.
 */
export function finishWithProgram(manager: WebhookManager, tracing: TracingSdk | undefined): void {
  process.once("beforeExit", () => void drain(manager, tracing));
  // Only synchronous work counts now.
  process.once("exit", () => manager.storeNow());
}

async function drain(manager: WebhookManager, tracing: TracingSdk | undefined): Promise<void> {
  try {
    // What is still under way then keeps no program alive, and is sent again by the next run.
    await manager.drain(drainMs);
  } catch {
    // The outbox failed, which is logged where that is asked for.
  }
  await tracing?.flush();
}
