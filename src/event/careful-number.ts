/** Numbers that a function of the program gives, such as the time: where it throws, or gives what is none, ours stands in. */
import { answeredAtOnce } from "./at-once.ts";
import { WebhookError } from "./errors.ts";

interface CarefulNumber {
  /** Names the function in messages. */
  readonly name: string;
  readonly fits: (value: number) => boolean;
  /** Stands in for it. */
  readonly ours: () => number;
  /** Hears why. */
  readonly failed: (error: unknown) => void;
}

export function carefulNumber(
  given: () => number,
  { name, fits, ours, failed }: CarefulNumber,
): () => number {
  return function giveCarefully() {
    try {
      const value: unknown = answeredAtOnce(given(), `\`${name}\``);
      if (typeof value === "number" && fits(value)) return value;
      throw new WebhookError("CONFIG_INVALID", `\`${name}\` gave what it must not`);
    } catch (error) {
      failed(error);
      return ours();
    }
  };
}
