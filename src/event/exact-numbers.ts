/** Parses JSON without rounding: a number that JavaScript cannot hold as it is written becomes its text. */
import { endOfString } from "./json-parts.ts";

/** Only a number of sixteen digits or more, or one with an exponent, can be rounded. */
const longNumber = /\d[\d.]{15}|\d[eE]/;

const number = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

export function parseExactly(text: string): unknown {
  return JSON.parse(longNumber.test(text) ? withNumbersAsTexts(text) : text);
}

function withNumbersAsTexts(text: string): string {
  let made = "";
  let from = 0;
  for (let at = 0; at < text.length; ) {
    const character = text.charCodeAt(at);
    if (character === 0x22) at = endOfString(text, at);
    else if (character === 0x2d || (character >= 0x30 && character <= 0x39)) {
      number.lastIndex = at;
      const [written = ""] = number.exec(text) ?? [];
      const end = at + written.length;
      if (!isHeld(written)) {
        made += `${text.slice(from, at)}"${written}"`;
        from = end;
      }
      at = end;
    } else at += 1;
  }
  return made + text.slice(from);
}

/** Whether JavaScript writes the number that it makes of this with the same value. */
function isHeld(written: string): boolean {
  return decimalOf(written) === decimalOf(String(Number(written)));
}

/** The one spelling of a decimal number: its digits without zeros around them, and the power of ten. */
function decimalOf(written: string): string {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(written);
  if (parts === null) return written;
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = parts;
  const digits = (whole + fraction).replace(/^0+/, "");
  let end = digits.length;
  while (digits.charCodeAt(end - 1) === 0x30) end -= 1;
  if (end === 0) return "0";
  return `${sign}${digits.slice(0, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
