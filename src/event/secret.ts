/** A text that never shows itself: not in `util.inspect`, JSON, template strings or errors. */
import { inspect } from "node:util";

interface ExpiringSecret {
  readonly secret: string;
  /** From then on it signs no more. A text is RFC 3339: a date, or a time with its zone. */
  readonly expiresAt: Date | string;
}

/** A secret as the user gives it. */
export type SecretSetting = string | ExpiringSecret;

export class Secret {
  readonly #text: string;
  /** When it stops to sign, Unix milliseconds. */
  readonly expiresAt: number | undefined;

  constructor(text: string, expiresAt?: number) {
    this.#text = text;
    this.expiresAt = expiresAt;
  }

  /** Returns the text. Call it where the bytes are used, never to store them. */
  reveal(): string {
    return this.#text;
  }

  /** Bytes of the key it stands for; `whsec_` secrets are base64. */
  get byteLength(): number {
    const text = this.#text;
    return text.startsWith("whsec_") ? Buffer.from(text.slice(6), "base64").length : Buffer.byteLength(text);
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect.custom](): string {
    return "[secret]";
  }
}
