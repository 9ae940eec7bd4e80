/** Group commit: who shares a transaction, and who pays for a failure in it. */
import { describe, expect, it } from "vitest";
import { WebhookError } from "../../src/event/errors.ts";
import { GroupCommit } from "../../src/outbox/sqlite/batch.ts";
import type { Transactions } from "../../src/outbox/sqlite/batch.ts";
import { toWebhookError } from "../../src/outbox/sqlite/errors.ts";

function sqliteError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** A store that is a list of words; `failures` are thrown by the next begins. */
function wordStore() {
  const committed: string[][] = [];
  const failures: Error[] = [];
  let open: string[] = [];
  const transactions: Transactions<string[]> = {
    begin() {
      const failure = failures.shift();
      if (failure) throw failure;
      open = [];
      return open;
    },
    commit: () => void committed.push(open),
    rollback() {
      open = [];
    },
    explain: (error) => toWebhookError(error, "words.db"),
  };
  return { committed, failures, transactions };
}

function say(word: string): (words: string[]) => string {
  return (words) => {
    words.push(word);
    return word;
  };
}

describe("group commit", () => {
  it("puts what comes in one turn into one transaction, and answers each for itself", async () => {
    const { committed, transactions } = wordStore();
    const batch = new GroupCommit(transactions, 1);
    expect(await Promise.all(["a", "b", "c"].map((word) => batch.add(say(word))))).toEqual(["a", "b", "c"]);
    expect(committed).toEqual([["a", "b", "c"]]);
  });

  it("lets a failing operation fail alone", async () => {
    const { committed, transactions } = wordStore();
    const batch = new GroupCommit(transactions, 1);
    const fails = (words: string[]): never => {
      words.push("half done");
      throw new Error("constraint");
    };
    const results = await Promise.allSettled([batch.add(say("a")), batch.add(fails), batch.add(say("b"))]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(committed).toEqual([["a"], ["b"]]);
  });

  it("rejects what answers with an error, without a transaction of its own", async () => {
    const { committed, transactions } = wordStore();
    const batch = new GroupCommit(transactions, 1);
    const full = new WebhookError("OUTBOX_FULL", "full");
    const results = await Promise.allSettled([batch.add(say("a")), batch.add(() => full)]);
    expect(results[1]).toEqual({ status: "rejected", reason: full });
    expect(committed).toEqual([["a"]]);
  });

  it("tries again while another process holds the lock", async () => {
    const { committed, failures, transactions } = wordStore();
    failures.push(sqliteError("SQLITE_BUSY"), sqliteError("SQLITE_BUSY"));
    const batch = new GroupCommit(transactions, 1);
    const first = batch.add(say("a"));
    const second = first.then(() => batch.add(say("b")));
    expect(await Promise.all([first, second])).toEqual(["a", "b"]);
    expect(committed).toEqual([["a"], ["b"]]);
  });

  it("refuses what has waited long enough for the lock, all of it at once", async () => {
    const { transactions } = wordStore();
    let begins = 0;
    const locked = {
      ...transactions,
      begin(): never {
        begins += 1;
        throw sqliteError("SQLITE_BUSY");
      },
    };
    const batch = new GroupCommit(locked, 1, 100);
    const results = await Promise.allSettled(Array.from({ length: 3000 }, () => batch.add(say("a"))));
    for (const result of results) expect(result).toMatchObject({ reason: { code: "OUTBOX_UNAVAILABLE" } });
    expect(begins).toBeLessThan(30);
  });

  it("rejects what waits when it is closed, and what comes after", async () => {
    const { committed, transactions } = wordStore();
    const batch = new GroupCommit(transactions, 1);
    const waiting = batch.add(say("a"));
    const closed = new WebhookError("CLOSED", "closed");
    batch.close(closed);
    await expect(waiting).rejects.toBe(closed);
    await expect(batch.add(say("b"))).rejects.toBe(closed);
    expect(committed).toEqual([]);
  });

  it("rejects all when the store fails, and goes on when it is back", async () => {
    const { committed, failures, transactions } = wordStore();
    failures.push(sqliteError("SQLITE_FULL"));
    const batch = new GroupCommit(transactions, 1);
    const results = await Promise.allSettled([batch.add(say("a")), batch.add(say("b"))]);
    for (const result of results) expect(result).toMatchObject({ reason: { code: "OUTBOX_UNAVAILABLE" } });
    expect(await batch.add(say("c"))).toBe("c");
    expect(committed).toEqual([["c"]]);
  });

  it("commits what waits before what may not wait", async () => {
    const { committed, transactions } = wordStore();
    const batch = new GroupCommit(transactions, 1);
    const waiting = batch.add(say("a"));
    expect(batch.runSync(say("b"))).toBe("b");
    expect(committed).toEqual([["a"], ["b"]]);
    expect(await waiting).toBe("a");
  });

  it("throws what may not wait and cannot be done", () => {
    const { failures, transactions } = wordStore();
    failures.push(sqliteError("SQLITE_BUSY"));
    const batch = new GroupCommit(transactions, 1);
    expect(() => batch.runSync(say("a"))).toThrow(/locked by another process/);
  });

  it("is idle once all is committed", async () => {
    const { committed, transactions } = wordStore();
    const batch = new GroupCommit(transactions, 1);
    await batch.idle();
    void batch.add(say("a"));
    await batch.idle();
    expect(committed).toEqual([["a"]]);
  });
});
