import { expect, test } from "vitest";
import { outputs } from "./outputs";

const sink = { target: "", state: "ok", rows: 0, behind: 0, expired: 0, error: "" };
const ledger = (behind: number) => ({
  received: 0,
  dropped_by_kernel: 0,
  skipped: 0,
  delivered: 0,
  truncated: 0,
  written: 0,
  written_bytes: 0,
  lost: 0,
  followers: [{ name: "index", applied: 0, behind, expired: 0 }],
});
const rate = { packets: 50_000, bits: 0 };

test("each state has a sign of its own, trouble comes first", () => {
  const names = ["ok", "catching", "retrying", "stopped"];
  const list = outputs({
    sinks: names.map((state) => ({ ...sink, name: state, state })),
    ledger: null,
    rate,
  });
  expect(list.map((o) => o.state)).toEqual(names.toReversed());
  expect(new Set(list.map((o) => o.sign)).size).toBe(4);
});

test("the index is told of when it does not keep up", () => {
  const one = [{ ...sink, name: "PostgreSQL" }];
  expect(outputs({ sinks: one, ledger: ledger(99_000), rate }).map((o) => o.short)).toEqual(["PG"]);
  expect(outputs({ sinks: one, ledger: ledger(101_000), rate }).map((o) => o.short)).toEqual(["index", "PG"]);
  expect(outputs({ sinks: null, ledger: null, rate })).toEqual([]);
});
