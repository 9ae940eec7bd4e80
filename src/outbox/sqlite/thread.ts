/** The file that the thread of a SQLite outbox is started with. */
import { workerData } from "node:worker_threads";
import { everyInterval } from "../ticker.ts";
import { ThreadDesk } from "./thread-desk.ts";
import type { ThreadData } from "./thread-messages.ts";

new ThreadDesk(workerData as ThreadData, everyInterval);
