import { describe, expect, it } from "vitest";
import { copyAs } from "./copy";
import { seconds } from "./format";
import { flagText, ipv6, Rows } from "./rows";

function message(count: number): ArrayBuffer {
  const b = new ArrayBuffer(64 * (1 + 2 * count));
  const d = new DataView(b);
  d.setUint32(0, 0x31575254, true);
  d.setBigUint64(8, 1000n, true);
  d.setBigUint64(16, 5_000_000_000n, true);
  d.setUint32(32, count, true);
  for (let i = 0; i < count; i++) {
    const at = 64 * (1 + i);
    d.setBigUint64(at, BigInt(1001 + i), true);
    d.setBigInt64(at + 8, -1n, true);
    d.setUint8(at + 28, 10);
    d.setUint8(at + 31, i);
    d.setUint16(at + 48, 443, true);
    d.setUint16(at + 56, 0x4012 | (2 << 12), true);
    d.setUint8(at + 58, 6);
    d.setUint8(at + 59, 4 | (5 << 4));
    const payload = 64 * (1 + count + i);
    d.setUint8(payload, 0xab);
    d.setUint8(payload + 16, 0x80 | 3);
    for (const [j, c] of [60, 0, 62].entries()) d.setUint8(payload + 17 + j, c);
  }
  return b;
}

describe("rows", () => {
  it("reads what the server wrote", () => {
    const r = new Rows(message(3));
    expect([r.from, r.total, r.count]).toEqual([1000, 5_000_000_000, 3]);
    expect(r.has(999) || r.has(1003)).toBe(false);
    expect([r.number(1002), r.time(1002), r.source(1002), r.sourcePort(1002)]).toEqual([
      1003,
      -1n,
      "10.0.0.2",
      443,
    ]);
    expect([r.direction(1000), r.truncated(1000), r.outcome(1000), r.version(1000)]).toEqual([2, true, 5, 4]);
    expect(flagText(r.flagBits(1000))).toBe("SYN ACK");
    expect(r.preview(1001)).toBe("<·>");
    expect(r.hash(1001)).toMatch(/^ab0{30}$/);
  });
  it("refuses what is cut off", () => {
    expect(() => new Rows(message(2).slice(0, 200))).toThrow();
    expect(() => new Rows(new ArrayBuffer(64))).toThrow();
  });
  it.each([
    ["20010db8000000000000000000000001", "2001:db8::1"],
    ["00000000000000000000000000000000", "::"],
    ["fe80000000000000020000fffe000001", "fe80::200:ff:fe00:1"],
    ["20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1"],
    ["00010000000000000000000000000000", "1::"],
  ])("writes %s as %s", (hex, want) => {
    const b = Uint8Array.from(hex.match(/../g) ?? [], (x) => Number.parseInt(x, 16));
    expect(ipv6(new DataView(b.buffer), 0)).toBe(want);
  });
  it("shows no control character", () => {
    const b = message(1);
    const bytes = [0x61, 0, 0x1b, 0x5b, 0x33, 0x7f, 0x62, 0xff];
    new Uint8Array(b).set([0xc0 | bytes.length, ...bytes], 64 * 2 + 16);
    const r = new Rows(b);
    expect(r.preview(1000)).toBe("a··[3·b·");
    expect([...r.previewBytes(1000)]).toEqual(bytes);
    expect([r.commented(1000), r.marked(1000)]).toEqual([true, false]);
  });
  it.each([
    0n,
    -1n,
    -1_500n,
    1_790_000_000_123_456_789n,
    4_294_967_296_000n,
    -62_135_596_800_000_000_000n / 10n,
  ])("has the microseconds of %s ns exactly", (ns) => {
    const b = message(1);
    new DataView(b).setBigInt64(64 + 8, ns, true);
    const floor = ns >= 0n || ns % 1000n === 0n ? ns / 1000n : ns / 1000n - 1n;
    expect(new Rows(b).micros(1000)).toBe(Number(floor));
  });
  it("writes times", () => {
    expect([seconds(0), seconds(-1_500_000), seconds(61_000_001)]).toEqual([
      "0.000000",
      "-1.500000",
      "61.000001",
    ]);
  });
});

describe("copy", () => {
  const b = Uint8Array.of(0, 65, 255);
  it.each([
    ["hex", "0041ff"],
    ["text", ".A."],
    ["c", "static const unsigned char packet[3] = {\n\t0x00, 0x41, 0xff,\n};\n"],
    ["go", "var packet = []byte{\n\t0x00, 0x41, 0xff,\n}\n"],
    ["python", 'packet = (\n    b"\\x00\\x41\\xff"\n)\n'],
  ] as const)("as %s", (form, want) => {
    expect(copyAs(form, b)).toBe(want);
  });
});
