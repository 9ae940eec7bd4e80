/** Tells the author of a plugin what its code threw while it was loaded, and where. */
import { fileURLToPath } from "node:url";

const ownCode = new URL("../", import.meta.url);
const ownPlaces = [ownCode.href, fileURLToPath(ownCode)];

/** Shows the message, which is safe here: before there is any event it is the author's own, and holds no data. */
export function describeFailure(error: unknown): string {
  if (typeof error === "string") return oneLine(error);
  if (!(error instanceof Error)) return `a value of type ${typeof error} was thrown`;
  const what = oneLine(`${error.name}: ${error.message}`);
  const place = placeOf(String(error.stack ?? ""));
  if (place !== undefined) return `${what}, at ${place}`;
  return error instanceof SyntaxError ? `${what}; run its file with \`node\` to see the line` : what;
}

/** The line that Node puts above a syntax error, or the first frame that is neither Node's nor ours. */
function placeOf(stack: string): string | undefined {
  const lines = stack.split("\n");
  if (/^(?:file:|\/|[A-Za-z]:\\).*:\d+$/.test(lines[0] ?? "")) return lines[0];
  return lines
    .map((line) => /^\s+at (?:.* \(|async )?((?:file:|\/|[A-Za-z]:\\).*:\d+:\d+)\)?$/.exec(line)?.[1])
    .find((place) => place !== undefined && !ownPlaces.some((own) => place.startsWith(own)));
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
