import { describe, expect, it } from "vitest";
import { dissected } from "./branch";
import { glance } from "./glance";
import { Rows } from "./rows";

// One row with a payload, as the server sends it.
function row(proto: number, port: number, payload: number[]): Rows {
  const b = new ArrayBuffer(64 * 3);
  const d = new DataView(b);
  d.setUint32(0, 0x31575254, true);
  d.setUint32(32, 1, true);
  d.setUint16(64 + 50, port, true);
  d.setUint8(64 + 58, proto);
  d.setUint8(64 + 59, 4);
  d.setUint32(64 + 60, payload.length, true);
  const part = payload.slice(0, 47);
  d.setUint8(128 + 16, part.length);
  new Uint8Array(b).set(part, 128 + 17);
  return new Rows(b);
}

const ascii = (s: string) => [...s].map((c) => c.charCodeAt(0));
const head = (flags: number) => [0, 1, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0];
const name = (...labels: string[]) => [...labels.flatMap((l) => [l.length, ...ascii(l)]), 0];

describe("a glance at a payload", () => {
  it.each([
    [
      "a DNS question",
      17,
      53,
      [...head(1), ...name("www", "example", "org"), 0, 1, 0, 1],
      "DNS ? www.example.org",
    ],
    ["a DNS answer", 17, 53, [...head(0x81), ...name("a", "b"), 0, 1, 0, 1], "DNS = a.b"],
    ["a name cut off", 17, 53, [...head(1), ...name("x".repeat(60), "org")], `DNS ? ${"x".repeat(34)}…`],
    ["control characters in a name", 17, 53, [...head(1), 3, 27, 91, 65, 0, 0, 1], "DNS ? ·[A"],
    ["a label that points", 17, 53, [...head(1), 0xc0, 12, 0, 1, 0, 1], ""],
    ["another port", 17, 5060, [...head(1), ...name("a", "b")], ""],
    ["a request", 6, 80, ascii("GET /index.html HTTP/1.1\r\nHost: a\r\n"), "GET /index.html"],
    ["a response", 6, 40000, ascii("HTTP/1.1 404 Not Found\r\n"), "HTTP/1.1 404 Not Found"],
    ["a hello", 6, 443, [22, 3, 1, 2, 0, 1, 0, 1, 252], "TLS Client Hello"],
    ["TLS data", 6, 443, [23, 3, 3, 0, 99, 1], "TLS Application Data"],
    ["text", 6, 25, ascii("HELO example"), ""],
    ["nothing", 6, 80, [], ""],
  ] as const)("%s", (_, proto, port, payload, want) => {
    expect(glance(row(proto, port, [...payload]), 0)).toBe(want);
  });
});

describe("a tree from elsewhere", () => {
  it("has places in the packet only where they are there", () => {
    const t = dissected([
      {
        name: "Hypertext Transfer Protocol",
        field: "http",
        offset: 54,
        length: 10,
        nodes: [
          { name: "hidden", offset: 0, length: 1, hidden: true },
          { name: "Body: put together", offset: 7, length: 9, source: 1, severity: "warn" },
        ],
      },
    ]);
    expect(t).toMatchObject([
      {
        key: "http",
        offset: 54,
        length: 10,
        nodes: [{ key: "http/Body", offset: 0, length: 0, warn: true }],
      },
    ]);
  });
});
