// The binary messages of rows: a head, then count rows, then count payloads, 64 bytes
// each, little endian (docs/api.md). Nothing is copied but the message itself.

export const RECORD = 64;
const MARK = 0x31575254;

export const EXACT = 1;
export const FOLLOW = 2;
export const NO_ROWS = 4;
export const EXPIRED = 16;

// The character that stands for each byte: a dot where it is no visible ASCII character.
export const shownByte: readonly string[] = Array.from({ length: 256 }, (_, b) =>
  b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : "·",
);

export class Rows {
  readonly view: number;
  readonly from: number;
  readonly total: number;
  readonly skipped: number;
  readonly count: number;
  readonly flags: number;
  readonly request: number;
  readonly done: number;
  readonly revision: number; // of the notes
  private readonly data: DataView;
  private readonly bytes: Uint8Array;

  constructor(buffer: ArrayBuffer) {
    const d = new DataView(buffer);
    if (buffer.byteLength < RECORD || d.getUint32(0, true) !== MARK) throw new Error("not a window of rows");
    this.data = d;
    this.bytes = new Uint8Array(buffer);
    this.view = d.getUint32(4, true);
    this.from = Number(d.getBigUint64(8, true));
    this.total = Number(d.getBigUint64(16, true));
    this.skipped = Number(d.getBigUint64(24, true));
    this.count = d.getUint32(32, true);
    this.flags = d.getUint32(36, true);
    this.request = d.getUint32(48, true);
    this.done = d.getUint32(52, true) / 1e6;
    this.revision = d.getUint32(56, true);
    if (buffer.byteLength !== RECORD * (1 + 2 * this.count)) throw new Error("a window of rows is cut off");
  }

  has(position: number): boolean {
    return position >= this.from && position < this.from + this.count;
  }

  private at(position: number): number {
    return RECORD * (1 + position - this.from);
  }

  private payload(position: number): number {
    return RECORD * (1 + this.count + position - this.from);
  }

  number(p: number): number {
    return Number(this.data.getBigUint64(this.at(p), true));
  }

  time(p: number): bigint {
    return this.data.getBigInt64(this.at(p) + 8, true);
  }

  /** Microseconds since 1970, rounded down: exact, and no big integer for every row. */
  micros(p: number): number {
    const off = this.at(p) + 8;
    const low = this.data.getUint32(off, true);
    const high = this.data.getInt32(off + 4, true);
    return high * 4294967 + Math.floor((high * 296 + low) / 1000); // 2^32 = 4 294 967 296
  }

  version(p: number): number {
    return this.data.getUint8(this.at(p) + 59) & 15;
  }

  outcome(p: number): number {
    return this.data.getUint8(this.at(p) + 59) >> 4;
  }

  proto(p: number): number {
    return this.data.getUint8(this.at(p) + 58);
  }

  source(p: number): string {
    return this.address(this.at(p) + 16, this.version(p));
  }

  destination(p: number): string {
    return this.address(this.at(p) + 32, this.version(p));
  }

  private address(off: number, version: number): string {
    if (version === 4) {
      const b = this.bytes;
      return `${b[off + 12]}.${b[off + 13]}.${b[off + 14]}.${b[off + 15]}`;
    }
    return version === 6 ? ipv6(this.data, off) : "";
  }

  sourcePort(p: number): number {
    return this.data.getUint16(this.at(p) + 48, true);
  }

  destinationPort(p: number): number {
    return this.data.getUint16(this.at(p) + 50, true);
  }

  length(p: number): number {
    return this.data.getUint32(this.at(p) + 52, true);
  }

  flagBits(p: number): number {
    return this.data.getUint16(this.at(p) + 56, true) & 0x0fff;
  }

  direction(p: number): number {
    return (this.data.getUint16(this.at(p) + 56, true) >> 12) & 3;
  }

  truncated(p: number): boolean {
    return (this.data.getUint16(this.at(p) + 56, true) & 0x4000) !== 0;
  }

  marked(p: number): boolean {
    return (this.data.getUint16(this.at(p) + 56, true) & 0x8000) !== 0;
  }

  commented(p: number): boolean {
    return (this.bytes[this.payload(p) + 16] & 0x40) !== 0;
  }

  payloadLength(p: number): number {
    return this.data.getUint32(this.at(p) + 60, true);
  }

  hash(p: number): string {
    const off = this.payload(p);
    if ((this.bytes[off + 16] & 0x80) === 0) return "";
    let s = "";
    for (let i = 0; i < 16; i++) s += hexByte[this.bytes[off + i]];
    return s;
  }

  preview(p: number): string {
    const off = this.payload(p) + 17;
    const end = off + (this.bytes[off - 1] & 0x3f);
    let s = "";
    for (let i = off; i < end; i++) s += shownByte[this.bytes[i]];
    return s;
  }

  /** The bytes of the preview, as part of the message. */
  previewBytes(p: number): Uint8Array {
    const off = this.payload(p) + 17;
    return this.bytes.subarray(off, off + (this.bytes[off - 1] & 0x3f));
  }
}

export const hexByte: readonly string[] = Array.from({ length: 256 }, (_, i) =>
  i.toString(16).padStart(2, "0"),
);

// ipv6 writes an address as RFC 5952 has it.
export function ipv6(d: DataView, off: number): string {
  const g: number[] = [];
  for (let i = 0; i < 8; i++) g.push(d.getUint16(off + 2 * i));
  let best = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && g[i + n] === 0) n++;
    if (n > length) {
      best = i;
      length = n;
    }
    if (n > 0) i += n - 1;
  }
  const hex = (part: number[]) => part.map((x) => x.toString(16)).join(":");
  return best < 0 ? hex(g) : `${hex(g.slice(0, best))}::${hex(g.slice(best + length))}`;
}

const names: Record<number, string> = {
  1: "ICMP",
  2: "IGMP",
  6: "TCP",
  17: "UDP",
  47: "GRE",
  50: "ESP",
  51: "AH",
  58: "ICMPv6",
  89: "OSPF",
  103: "PIM",
  112: "VRRP",
  132: "SCTP",
};

const ethers: Record<number, string> = { 2054: "ARP", 35020: "LLDP", 34958: "802.1X", 32821: "RARP" };

export function protocolName(rows: Rows, p: number): string {
  if (rows.version(p) === 0) {
    const type = rows.sourcePort(p);
    return ethers[type] ?? (type ? `0x${type.toString(16).padStart(4, "0")}` : "—");
  }
  const n = rows.proto(p);
  return names[n] ?? String(n);
}

export function protocolOf(n: string): string {
  return names[Number(n)] ?? n;
}

const flagNames: [number, string][] = [
  [0x02, "SYN"],
  [0x10, "ACK"],
  [0x08, "PSH"],
  [0x01, "FIN"],
  [0x04, "RST"],
  [0x20, "URG"],
  [0x40, "ECE"],
  [0x80, "CWR"],
  [0x100, "AE"],
];

const flagTexts: string[] = [];

export function flagText(bits: number): string {
  let s = flagTexts[bits];
  if (s === undefined) {
    s = flagNames
      .filter(([bit]) => bits & bit)
      .map(([, name]) => name)
      .join(" ");
    flagTexts[bits] = s;
  }
  return s;
}

export const outcomes = [
  "transport",
  "ip",
  "fragment",
  "non_ip",
  "truncated",
  "malformed",
  "too_deep",
  "link_type",
] as const;
