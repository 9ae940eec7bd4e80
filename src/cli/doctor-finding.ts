/** What one of the doctor's checks found. */

export interface Finding {
  readonly check: string;
  readonly level: "ok" | "warn" | "fail";
  readonly message: string;
  readonly remedy?: string;
}
