import { type Rows, shownByte } from "./rows";

// What the first bytes of a payload say at a glance. They are somebody else's: all that
// comes out is printable, and nothing is believed beyond it.

const TLS: Record<number, string> = { 20: "Change Cipher Spec", 21: "Alert", 23: "Application Data" };
const HANDSHAKE: Record<number, string> = {
  1: "Client Hello",
  2: "Server Hello",
  4: "New Session Ticket",
  11: "Certificate",
  16: "Client Key Exchange",
};
const METHOD = /^(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE) \S/;
const DNS_PORTS = new Set([53, 5353, 5355]);

export function glance(r: Rows, p: number): string {
  if (r.payloadLength(p) < 5) return "";
  const proto = r.proto(p);
  const b = r.previewBytes(p);
  if (proto === 17) {
    return DNS_PORTS.has(r.sourcePort(p)) || DNS_PORTS.has(r.destinationPort(p)) ? dns(b) : "";
  }
  if (proto !== 6) return "";
  if (b[1] === 3 && b[0] >= 20 && b[0] <= 23) {
    const what = b[0] === 22 ? HANDSHAKE[b[5]] : TLS[b[0]];
    return what ? `TLS ${what}` : "TLS";
  }
  if (b[0] < 0x41 || b[0] > 0x5a) return "";
  const line = text(b, 0, b.length);
  return METHOD.test(line) || line.startsWith("HTTP/1.")
    ? line.split("·", 1)[0].replace(/ HTTP\/1\.[01]$/, "")
    : "";
}

// dns is the first name that is asked for, and whether it is asked or answered.
function dns(b: Uint8Array): string {
  if (b.length < 14 || b[4] + b[5] === 0 || (b[2] & 0x78) !== 0) return "";
  const labels: string[] = [];
  let at = 12;
  while (at < b.length && b[at] > 0 && b[at] < 64) {
    labels.push(text(b, at + 1, Math.min(b.length, at + 1 + b[at])));
    at += 1 + b[at];
  }
  if (labels.length === 0) return "";
  return `DNS ${b[2] & 0x80 ? "=" : "?"} ${labels.join(".")}${at >= b.length ? "…" : ""}`;
}

function text(b: Uint8Array, from: number, to: number): string {
  let s = "";
  for (let i = from; i < to; i++) s += shownByte[b[i]];
  return s;
}
