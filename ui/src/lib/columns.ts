import { clock, seconds } from "./format";
import type { Column } from "./grid";
import { flagText, outcomes, protocolName, type Rows } from "./rows";

export type TimeMode = "absolute" | "relative" | "delta";

export interface ColumnOptions {
  time: TimeMode;
  first: bigint; // time of the first packet
}

const arrow = ["·", "▼", "▲", "·"];

function endpoint(address: string, port: number, rows: Rows, p: number): string {
  if (!address) return "";
  const proto = rows.proto(p);
  if (!port && proto !== 6 && proto !== 17 && proto !== 132) return address;
  return rows.version(p) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}

function info(rows: Rows, p: number): string {
  const parts: string[] = [];
  if (rows.version(p) && rows.proto(p) === 6) parts.push(flagText(rows.flagBits(p)));
  const payload = rows.payloadLength(p);
  if (payload) parts.push(`+${payload}`);
  const outcome = rows.outcome(p);
  if (outcome === 2 || outcome >= 4) parts.push(outcomes[outcome] ?? "");
  if (rows.truncated(p)) parts.push("✂");
  return parts.join(" ");
}

export function allColumns(o: ColumnOptions): Column[] {
  return [
    { id: "number", width: 76, align: "right", text: (r, p) => String(r.number(p)) },
    {
      id: "time",
      width: 122,
      text: (r, p) => {
        const t = r.time(p);
        if (o.time === "absolute") return clock(t);
        if (o.time === "relative") return seconds(o.first ? t - o.first : 0n);
        return r.has(p - 1) ? seconds(t - r.time(p - 1)) : "";
      },
    },
    { id: "direction", width: 24, text: (r, p) => arrow[r.direction(p)] },
    { id: "source", width: 168, text: (r, p) => endpoint(r.source(p), r.sourcePort(p), r, p) },
    { id: "destination", width: 168, text: (r, p) => endpoint(r.destination(p), r.destinationPort(p), r, p) },
    { id: "protocol", width: 62, text: protocolName },
    { id: "length", width: 54, align: "right", text: (r, p) => String(r.length(p)) },
    { id: "info", width: 132, text: info },
    { id: "hash", width: 76, text: (r, p) => r.hash(p).slice(0, 8) },
    { id: "preview", width: 200, grow: true, text: (r, p) => r.preview(p) },
  ];
}

export function rowKind(r: Rows, p: number): string {
  const outcome = r.outcome(p);
  if (outcome >= 4) return "k-bad";
  if (!r.version(p)) return "k-link";
  switch (r.proto(p)) {
    case 6: {
      const f = r.flagBits(p);
      if (f & 4) return "k-rst";
      if (f & 2) return "k-syn";
      if (f & 1) return "k-fin";
      return "k-tcp";
    }
    case 17:
      return "k-udp";
    case 1:
    case 58:
      return "k-icmp";
  }
  return "k-other";
}
