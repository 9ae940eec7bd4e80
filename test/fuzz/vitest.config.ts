/** The slow suite: `npx vitest run --config test/fuzz/vitest.config.ts`; `FUZZ_RUNS=1000000` for the long one. */
import { mergeConfig } from "vitest/config";
import base from "../../vitest.config.ts";

const slow = mergeConfig(base, { test: { testTimeout: 1_800_000 } });
slow.test = { ...slow.test, include: ["test/fuzz/**/*.test.ts"] };
export default slow;
