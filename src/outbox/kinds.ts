/** The one list of stores, and what follows from it: how a configuration chooses one, and how the chosen one is opened. */
import { join } from "node:path";
import { silentLogger } from "../event/logger.ts";
import { choice as oneOfKinds, inPlaces } from "../settings/composed.ts";
import { kindOf, listWords } from "../settings/kind-of.ts";
import { type Setting, unfit } from "../settings/setting.ts";
import type { OutboxKind, Surroundings } from "./kind.ts";
import { memoryKind } from "./memory/kind.ts";
import type { Outbox, OutboxChoice } from "./outbox.ts";
import { postgresKind } from "./postgres/kind.ts";
import { redisKind } from "./redis/kind.ts";
import { sqliteKind } from "./sqlite/kind.ts";
import { wallNow } from "../time/timers.ts";

/** Importing it loads no store but memory, and no optional package. */
export const outboxKinds: readonly OutboxKind[] = [memoryKind, sqliteKind, postgresKind, redisKind];

/** What a manager has where nothing is chosen. */
const inProcess: OutboxChoice = { type: memoryKind.name };

/** What `serve` and `register` have where nothing is chosen: a file of the working directory. */
export const defaultFile = "mova-webhooks.db";

export function defaultChoice(directory = ""): OutboxChoice {
  return { type: sqliteKind.name, path: join(directory, defaultFile) };
}

/** Returns undefined for an outbox that is none of the list: one that a program brought. */
export function kindNamed(name: string): OutboxKind | undefined {
  return outboxKinds.find((kind) => kind.name === name);
}

/** Returns the kind and the options of a choice that `outboxSetting` has read. */
export function chosen({ type, ...options }: OutboxChoice): {
  readonly kind: OutboxKind;
  readonly options: object;
} {
  const kind = kindNamed(type);
  if (kind === undefined) throw new TypeError(`There is no outbox of the type ${type}`);
  return { kind, options };
}

/** Rejects with DEPENDENCY_MISSING, OUTBOX_UNAVAILABLE or OUTBOX_INVALID. */
export function openOutbox(
  choice: OutboxChoice = inProcess,
  { now = wallNow, logger = silentLogger }: Partial<Surroundings> = {},
): Outbox | Promise<Outbox> {
  const { kind, options } = chosen(choice);
  return kind.open(options, { now, logger });
}

/** Returns words such as `sqlite or redis` for the kinds that promise something. */
export function kindsThat(promise: keyof OutboxKind["guarantees"], word: "name" | "title"): string {
  return listWords(outboxKinds.filter(({ guarantees }) => guarantees[promise]).map((kind) => kind[word]));
}

const expectedTexts = outboxKinds.map(({ fromText }) => fromText.expected).join(", ");
const expectedText = expectedTexts.replace(/, (?=[^,]*$)/, ", or ");

const fromText: Setting<OutboxChoice> = {
  expected: () => expectedText,
  read: (given, { directory = "" }) => {
    if (typeof given !== "string") return unfit(expectedText, kindOf(given));
    for (const kind of outboxKinds) {
      const options = kind.fromText.read(given, directory);
      if (options !== undefined) return { value: { type: kind.name, ...options } };
    }
    return unfit(expectedText, "another text");
  },
};

/** How file and environment choose an outbox. */
export const outboxSetting: Setting<OutboxChoice> = {
  ...inPlaces({
    file: oneOfKinds<OutboxChoice>(
      "type",
      Object.fromEntries(outboxKinds.map(({ name, options }) => [name, options])),
      "a mapping such as { type: sqlite, path: ./webhooks.db }",
    ),
    environment: fromText,
  }),
  variable: "MOVA_WEBHOOK_OUTBOX",
};
