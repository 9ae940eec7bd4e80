/** Why a delivery is dead that no attempt killed, in the same words in every store. */

export const expiredReason = "expired";

export function cancelledReason(reason: string | undefined): string {
  return reason === undefined ? "cancelled" : `cancelled: ${reason}`;
}
