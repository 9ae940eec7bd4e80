/** Turns the file's snake_case keys into the library's camelCase ones. */

type Camel<Text extends string> = Text extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Text;

export type CamelKeys<T> = { [Key in keyof T as Camel<Key & string>]: T[Key] };

/** Renames the keys of one object; what is inside its values stays. */
export function camelKeys<T extends object>(value: T): CamelKeys<T> {
  const entries = Object.entries(value).map(([key, each]) => [
    key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    each as unknown,
  ]);
  return Object.fromEntries(entries) as CamelKeys<T>;
}
