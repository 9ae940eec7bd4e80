/** Webhooks beside a program that knows nothing of them: `node --import mova-webhooks/register app.js`. */
import { isConfigured } from "./is-configured.ts";

// A program with nothing configured pays for this line only.
if (isConfigured(process.env, process.cwd())) {
  const { startBeside } = await import("./start-beside.ts");
  await startBeside();
}
