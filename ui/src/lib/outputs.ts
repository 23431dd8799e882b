import type { Status } from "./messages";

// How the outputs of a running capture are doing, for the header.

export interface Output {
  name: string;
  short: string;
  state: "ok" | "catching" | "retrying" | "stopped";
  sign: string; // never colour alone
  target: string;
  error: string;
  rows: number; // -1: not counted
  behind: number;
  expired: number;
}

const signs = { ok: "●", catching: "◐", retrying: "⚠", stopped: "✕" };
export const sign = (state: string): string => signs[state as Output["state"]] ?? "";

const order = ["stopped", "retrying", "catching", "ok"]; // trouble first
const shorts: Record<string, string> = { PostgreSQL: "PG" };

// Behind by less, the index keeps up: it is written in groups of rows.
const INDEX_GROUP = 20_000;

/** Every output, and the index when it does not keep up. */
export function outputs(status: Pick<Status, "sinks" | "ledger" | "rate">): Output[] {
  const list = (status.sinks ?? []).map((s): Output => {
    const state = s.state in signs ? (s.state as Output["state"]) : "ok";
    const { name, target, error, rows, behind, expired } = s;
    return {
      name,
      short: shorts[name] ?? name,
      state,
      sign: signs[state],
      target,
      error,
      rows,
      behind,
      expired,
    };
  });
  const index = status.ledger?.followers?.find((f) => f.name === "index");
  if (index && index.behind > Math.max(INDEX_GROUP, 2 * status.rate.packets)) {
    const { name, behind, expired } = index;
    list.push({
      name,
      short: name,
      state: "catching",
      sign: signs.catching,
      target: "",
      error: "",
      rows: -1,
      behind,
      expired,
    });
  }
  return list.sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
}
