import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Ahead } from "./ahead";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("actions wait for the rows and keep their order", () => {
  let there = false;
  const done: string[] = [];
  const a = new Ahead(() => there);
  a.do(() => done.push("first"));
  a.do(() => done.push("second"));
  expect(done).toEqual([]);
  there = true;
  a.do(() => done.push("third")); // not before those that wait
  expect(done).toEqual([]);
  a.catchUp();
  expect(done).toEqual(["first", "second", "third"]);
  a.do(() => done.push("fourth"));
  expect(done.at(-1)).toBe("fourth");
});

test("an action that asks holds up those behind it", async () => {
  const done: string[] = [];
  const a = new Ahead(() => true);
  let answer: (v: string) => void = () => {};
  const find = async () => {
    const found = await a.move(
      new Promise<string>((r) => {
        answer = r;
      }),
    );
    done.push(found);
  };
  a.do(find);
  a.do(find);
  a.do(() => done.push("mark"));
  answer("one");
  await vi.advanceTimersByTimeAsync(1);
  expect(done).toEqual(["one"]);
  answer("two");
  await vi.advanceTimersByTimeAsync(1);
  expect(done).toEqual(["one", "two", "mark"]);
});

test("nobody waits for a long answer, and a failed one is over", async () => {
  const done: string[] = [];
  const a = new Ahead(() => true);
  const never = a.move(new Promise(() => {}));
  a.do(() => done.push("after a while"));
  await vi.advanceTimersByTimeAsync(2900);
  expect(done).toEqual([]);
  await vi.advanceTimersByTimeAsync(200);
  expect(done).toEqual(["after a while"]);
  await expect(a.move(Promise.reject(new Error("no")))).rejects.toThrow("no");
  await vi.advanceTimersByTimeAsync(1);
  a.do(() => done.push("at once"));
  expect(done.at(-1)).toBe("at once");
  void never;
});

test("what waits is bounded and can be forgotten", () => {
  let there = false;
  let n = 0;
  const a = new Ahead(() => there);
  for (let i = 0; i < 1000; i++) a.do(() => n++);
  there = true;
  a.catchUp();
  expect(n).toBe(32);
  there = false;
  a.do(() => n++);
  a.forget();
  there = true;
  a.catchUp();
  expect(n).toBe(32);
});
