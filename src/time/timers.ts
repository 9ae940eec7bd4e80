/** The timer functions as they were when the package was loaded, whatever a test framework puts in their place later. */
import * as timers from "node:timers";

export const { clearInterval, clearTimeout, setImmediate, setInterval, setTimeout } = timers;
