/** Group commit: what is asked for while a statement is under way goes out together in the next. */
import { nextTick } from "../../time/timers.ts";

interface Waiting<Input, Output> {
  readonly input: Input;
  readonly resolve: (output: Output) => void;
  readonly reject: (error: unknown) => void;
}

export class Grouped<Input, Output> {
  readonly #run: (inputs: readonly Input[]) => Promise<readonly Output[]>;
  readonly #keyOf: (input: Input) => string | undefined;
  readonly #atOnce: number;
  readonly #most: number;
  #waiting: Waiting<Input, Output>[] = [];
  #running = 0;
  #planned = false;

  /** `run` returns an output for each input, in their order. Inputs of the same key never share a statement. */
  constructor(
    run: (inputs: readonly Input[]) => Promise<readonly Output[]>,
    keyOf: (input: Input) => string | undefined,
    { atOnce = 2, most = 200 }: { readonly atOnce?: number; readonly most?: number } = {},
  ) {
    this.#run = run;
    this.#keyOf = keyOf;
    this.#atOnce = atOnce;
    this.#most = most;
  }

  add(input: Input): Promise<Output> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
      if (this.#planned) return;
      this.#planned = true;
      nextTick(() => {
        this.#planned = false;
        this.#flush();
      });
    });
  }

  #flush(): void {
    while (this.#running < this.#atOnce && this.#waiting.length > 0) {
      const group = this.#takeGroup();
      this.#running += 1;
      void this.#settle(group).finally(() => {
        this.#running -= 1;
        this.#flush();
      });
    }
  }

  async #settle(group: readonly Waiting<Input, Output>[]): Promise<void> {
    try {
      const outputs = await this.#run(group.map(({ input }) => input));
      for (const [index, { resolve }] of group.entries()) resolve(outputs[index] as Output);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  #takeGroup(): Waiting<Input, Output>[] {
    const keys = new Set<string>();
    const group: Waiting<Input, Output>[] = [];
    const left: Waiting<Input, Output>[] = [];
    for (const one of this.#waiting) {
      const key = this.#keyOf(one.input);
      if (group.length === this.#most || (key !== undefined && keys.has(key))) left.push(one);
      else {
        if (key !== undefined) keys.add(key);
        group.push(one);
      }
    }
    this.#waiting = left;
    return group;
  }
}
