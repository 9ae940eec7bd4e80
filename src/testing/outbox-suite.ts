/**
 * The conformance suite of the outbox contract, for any test runner: give every case a subject with an empty store,
 * and skip, with its reason, what `reasonToSkip` names.
 */
import { handsCases } from "./outbox-hands-cases.ts";
import { limitsCases } from "./outbox-limits-cases.ts";
import { claimingCases } from "./outbox-claiming-cases.ts";
import { recordsCases } from "./outbox-records-cases.ts";
import { storingCases } from "./outbox-storing-cases.ts";
import type { OutboxCase } from "./outbox-subject.ts";
import { survivalCases } from "./outbox-survival-cases.ts";

export { reasonToSkip } from "./outbox-subject.ts";
export type { OutboxCase, OutboxSubject } from "./outbox-subject.ts";

export const outboxSuite: readonly OutboxCase[] = [
  ...storingCases,
  ...claimingCases,
  ...limitsCases,
  ...recordsCases,
  ...handsCases,
  ...survivalCases,
];
