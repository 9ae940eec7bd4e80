/** Recognises a component by its methods: plugins never import the libraries they watch. */

/** Tells whether a component answers to all these method names, its own or inherited. Never throws. */
export function hasMethods(component: object, ...names: readonly string[]): boolean {
  try {
    return names.every((name) => typeof Reflect.get(component, name) === "function");
  } catch {
    // A revoked proxy, or a getter that throws: nothing we know.
    return false;
  }
}
