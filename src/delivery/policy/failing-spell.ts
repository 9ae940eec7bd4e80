/**
 * How long an endpoint has done nothing but fail, when to warn of it, and when to switch it off: pure.
 *
 * Everything that was not delivered counts, client errors too: an endpoint that answers 404 for days is gone. One
 * success ends the spell; so does a pause of half the limit without any attempt, because two failures a week
 * apart are no week of failure. Warnings come at 50, 70 and 90 % (Outpost's alerts), the end after five days (Svix).
 */

export interface FailingSpell {
  /** End of the first failure; milliseconds from any beginning. */
  readonly since: number;
  readonly lastAt: number;
  /** Percent of the limit that was warned of last; 0 for none. */
  readonly warned: number;
}

const warnings = [90, 70, 50];

export interface SpellStep {
  /** Undefined while the endpoint is well. */
  readonly spell: FailingSpell | undefined;
  /** Percent of the limit to warn of now. */
  readonly warn?: number;
  readonly disable: boolean;
}

/** Returns the spell after an attempt that ended at `now`. Without a limit nothing is warned of or switched off. */
export function nextSpell(
  spell: FailingSpell | undefined,
  delivered: boolean,
  limitMs: number | undefined,
  now: number,
): SpellStep {
  if (delivered) return { spell: undefined, disable: false };
  if (limitMs === undefined)
    return { spell: spell ?? { since: now, lastAt: now, warned: 0 }, disable: false };
  if (spell === undefined || now - spell.lastAt > limitMs / 2) {
    return { spell: { since: now, lastAt: now, warned: 0 }, disable: false };
  }
  const percent = ((now - spell.since) / limitMs) * 100;
  if (percent >= 100) return { spell: { ...spell, lastAt: now }, disable: true };
  const reached = warnings.find((warning) => percent >= warning) ?? 0;
  if (reached <= spell.warned) return { spell: { ...spell, lastAt: now }, disable: false };
  return { spell: { ...spell, lastAt: now, warned: reached }, warn: reached, disable: false };
}
