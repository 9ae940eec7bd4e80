/** The version of this package, for the build-info metric, the tracer and the CLI. */
export const version = "0.1.0";
