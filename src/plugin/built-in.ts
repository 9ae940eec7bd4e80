/** The built-in plugins by their names, as a configuration names them. */

/** Those that a program gets without any code, where its configuration names none. */
export const zeroCodePlugins = ["validation", "cache", "redis", "llm", "error", "config"] as const;

export const builtInPlugins: readonly string[] = [...zeroCodePlugins, "span"];
