/** Runs one contestant of the throughput benchmark whenever it is told to. */
import { type Contestant, contestants } from "../throughput.ts";

interface Task {
  readonly url: string;
  readonly count: number;
}

process.on("message", ({ url, count }: Task) => {
  contestants[process.argv[2] as Contestant](url, count).then(
    (run) => process.send?.(run),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));
