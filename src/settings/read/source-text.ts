/** The text of a configuration file, which shows mistakes where they stand and never shows its secrets. */
import { isInsidePair } from "../../event/cut-text.ts";

const contextCharacters = 100;

/** Secrets by name, for files that cannot be parsed well enough to know what is a value. */
const namedSecret = /(?:secret|token|password|passwd|authorization|api[-_]?key)["']?\s*[:=]\s*/gi;

/** What follows the origin of a URL, and what stands before an `@` in it, may be a credential. */
const urlRest = /\b([a-z][a-z0-9+.-]*:\/\/)([^\s/?#"'`,\]}]*)((?:[^\s"'`,\]}]|,(?=\S))*)/gi;

export interface Span {
  readonly start: number;
  readonly end: number;
}

export class SourceText {
  readonly #name: string;
  readonly #text: string;
  readonly #hidden: Span[] = [];

  constructor(name: string, text: string) {
    this.#name = name;
    this.#text = text;
    for (const found of text.matchAll(urlRest)) {
      const [all, scheme = "", authority = ""] = found;
      const credentials = authority.lastIndexOf("@") + 1;
      const start = found.index + scheme.length;
      this.hide({ start, end: start + credentials });
      this.hide({ start: start + authority.length, end: found.index + all.length });
    }
  }

  /** Keeps these characters out of every message. */
  hide(span: Span): void {
    this.#hidden.push(span);
  }

  /** Hides what looks like a secret by the word before it, to the end of its line. */
  hideNamedSecrets(): void {
    for (const { index, 0: found } of this.#text.matchAll(namedSecret)) {
      const start = index + found.length;
      this.hide({ start, end: this.#endOfLine(start) });
    }
  }

  /** Returns `file:line:column: problem`, the source line and a caret. */
  describe(offset: number, problem: string): string {
    const at = Math.max(0, Math.min(offset, this.#text.length));
    const lineStart = this.#text.lastIndexOf("\n", at - 1) + 1;
    const lineEnd = this.#endOfLine(at);
    const line = this.#text.slice(0, lineStart).split("\n").length;
    const from = this.#betweenCharacters(Math.max(lineStart, at - contextCharacters / 2));
    const to = this.#betweenCharacters(Math.min(lineEnd, from + contextCharacters));
    const margin = `  ${line} | ${from > lineStart ? "…" : ""}`;
    const shown = this.#show(from, to);
    const caret = " ".repeat(margin.length) + shown.slice(0, at - from).replace(/[^\t]/g, " ");
    const end = to < lineEnd ? "…" : "";
    return `${this.#name}:${line}:${at - lineStart + 1}: ${problem}\n${margin}${shown}${end}\n${caret}^`;
  }

  #endOfLine(offset: number): number {
    const end = this.#text.indexOf("\n", offset);
    return end < 0 ? this.#text.length : end;
  }

  #betweenCharacters(offset: number): number {
    return isInsidePair(this.#text, offset) ? offset - 1 : offset;
  }

  #show(from: number, to: number): string {
    const hidden = this.#hidden.filter(({ start, end }) => start < to && end > from);
    const characters = this.#text.slice(from, to).split("");
    const shown = characters.map((character, index) => {
      const secret = hidden.some(({ start, end }) => from + index >= start && from + index < end);
      if (secret && character.trim() !== "") return "*";
      // A terminal would obey control characters.
      return character !== "\t" && /\p{Cc}/u.test(character) ? " " : character;
    });
    return shown.join("").trimEnd();
  }
}
