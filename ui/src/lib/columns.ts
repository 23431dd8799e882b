import { clock, seconds } from "./format";
import { glance } from "./glance";
import type { Column } from "./grid";
import { flagText, outcomes, protocolName, type Rows } from "./rows";

export type TimeMode = "absolute" | "relative" | "delta";

export interface ColumnOptions {
  time: TimeMode;
  first: number; // time of the first packet, microseconds since 1970; 0: not known
  /** The name of an address, empty when none is known or wanted. */
  name(address: string): string;
  /** What a flow's application called the other side, empty when it is not known. */
  flow(protocol: string, a: string, aPort: number, b: string, bPort: number): string;
}

const arrow = ["·", "▼", "▲", "·"];

function endpoint(address: string, port: number, rows: Rows, p: number, name: string): string {
  if (!address) return "";
  const proto = rows.proto(p);
  let s = address;
  if (port || proto === 6 || proto === 17 || proto === 132)
    s = rows.version(p) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
  return name ? `${s} ${name}` : s;
}

function info(rows: Rows, p: number, o: ColumnOptions): string {
  let s = "";
  const proto = rows.version(p) ? rows.proto(p) : 0;
  if (proto === 6) s = flagText(rows.flagBits(p));
  const payload = rows.payloadLength(p);
  if (payload) s += `${s ? " " : ""}+${payload}`;
  const outcome = rows.outcome(p);
  if (outcome === 2 || outcome >= 4) s += ` ${outcomes[outcome] ?? ""}`;
  if (rows.truncated(p)) s += " ✂";
  const seen = glance(rows, p);
  if (seen) s += ` ${seen}`;
  if ((proto === 6 || proto === 17) && !seen.startsWith("DNS")) {
    const name = o.flow(
      proto === 6 ? "tcp" : "udp",
      rows.source(p),
      rows.sourcePort(p),
      rows.destination(p),
      rows.destinationPort(p),
    );
    if (name) s += ` · ${name}`;
  }
  return s;
}

const note = (r: Rows, p: number) => (r.marked(p) ? "★" : "") + (r.commented(p) ? "✎" : "");

export function allColumns(o: ColumnOptions): Column[] {
  const time: Record<TimeMode, Column["text"]> = {
    absolute: (r, p) => clock(r.micros(p)),
    relative: (r, p) => (o.first ? seconds(r.micros(p) - o.first) : ""),
    delta: (r, p) => (r.has(p - 1) ? seconds(r.micros(p) - r.micros(p - 1)) : ""),
  };
  return [
    { id: "note", width: 38, text: note },
    { id: "number", width: 76, align: "right", text: (r, p) => String(r.number(p)) },
    { id: "time", width: 122, text: time[o.time] },
    { id: "direction", width: 24, text: (r, p) => arrow[r.direction(p)] },
    {
      id: "source",
      width: 168,
      text: (r, p) => {
        const a = r.source(p);
        return endpoint(a, r.sourcePort(p), r, p, o.name(a));
      },
    },
    {
      id: "destination",
      width: 168,
      text: (r, p) => {
        const a = r.destination(p);
        return endpoint(a, r.destinationPort(p), r, p, o.name(a));
      },
    },
    { id: "protocol", width: 62, text: protocolName },
    { id: "length", width: 54, align: "right", text: (r, p) => String(r.length(p)) },
    { id: "info", width: 170, grow: true, text: (r, p) => info(r, p, o) },
    { id: "hash", width: 76, text: (r, p) => r.hash(p).slice(0, 8) },
    { id: "preview", width: 180, grow: true, text: (r, p) => r.preview(p) },
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
