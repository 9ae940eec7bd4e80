/** How much of a claim is kept for first attempts, so that neither they nor retries starve the other. */

/**
 * Half of the limit. The odd one belongs to first attempts on even turns and to retries on odd turns, so that claims
 * of one at a time alternate. What one side cannot use goes to the other.
 */
export function shareOfFirstAttempts(limit: number, turn: number): number {
  return turn % 2 === 0 ? Math.ceil(limit / 2) : Math.floor(limit / 2);
}
