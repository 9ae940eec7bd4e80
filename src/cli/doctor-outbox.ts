/** The doctor's look at the outbox: does it answer, does its store keep what it is given, and do their clocks agree? */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { resolve } from "node:path";
import { chosen, defaultChoice, defaultFile, kindsThat, openOutbox } from "../outbox/kinds.ts";
import type { OutboxChoice } from "../outbox/outbox.ts";
import type { WebhookConfig } from "../settings/read/config.ts";
import type { Finding } from "./doctor-finding.ts";
import { judgeSkew } from "./doctor-clock.ts";
import { outboxOf } from "./open-manager.ts";

export async function* checkOutbox(config: WebhookConfig): AsyncGenerator<Finding> {
  const choice = outboxOf(config);
  const { kind, options } = chosen(choice);
  const { name, title } = kind;
  if (!kind.guarantees.durable) {
    const remedy = `Set \`outbox\` to ${kindsThat("durable", "name")} where events must survive a restart`;
    yield { check: "outbox", level: "warn", message: `${name}: it survives nothing`, remedy };
    return;
  }
  yield await checkAnswer(choice, config.outbox === undefined);
  try {
    for (const finding of (await kind.examine?.(options)) ?? []) yield { check: name, ...finding };
    const theirs = await kind.readClock?.(options);
    if (theirs !== undefined) yield judgeSkew(Date.now() - theirs, title);
  } catch (error) {
    yield { check: name, level: "fail", message: messageOf(error) };
  }
}

async function checkAnswer(choice: OutboxChoice, isDefault: boolean): Promise<Finding> {
  const standard = isDefault ? `; ${defaultFile} is the default of serve and register` : "";
  try {
    await (!isDefault || existsSync(defaultFile) ? tryOutbox(choice) : tryWithoutTrace());
    return { check: "outbox", level: "ok", message: `${choice.type} answers${standard}` };
  } catch (error) {
    return { check: "outbox", level: "fail", message: messageOf(error) };
  }
}

async function tryOutbox(choice: OutboxChoice): Promise<void> {
  const outbox = await openOutbox(choice);
  try {
    await outbox.ping();
  } finally {
    await outbox.close();
  }
}

/** Whether the default file could be made here, without leaving one that nobody asked for. */
async function tryWithoutTrace(): Promise<void> {
  const folder = mkdtempSync(resolve(".mova-webhooks-"));
  try {
    await tryOutbox(defaultChoice(folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
