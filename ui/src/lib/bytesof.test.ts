import { describe, expect, it } from "vitest";
import { bytesOf } from "./bytesof";

describe("bytes that somebody wrote", () => {
  it.each([
    ["hex", "47 45 54", "474554"],
    ["hex", "0x47:0x45", "4745"],
    ["hex", "47-45.54", "474554"],
    ["hex", "474", ""],
    ["hex", "xy", ""],
    ["hex", "", ""],
    ["address", "192.0.2.255", "c00002ff"],
    ["address", "192.0.2.256", ""],
    ["address", "192.0.2", ""],
    ["address", "00:1B:21:ab:cd:ef", "001b21abcdef"],
    ["address", "2001:db8::1", "20010db8000000000000000000000001"],
    ["address", "::", "0".repeat(32)],
    ["address", "::ffff:192.0.2.1", `${"0".repeat(20)}ffffc0000201`],
    ["address", "1:2:3:4:5:6:7:8", "00010002000300040005000600070008"],
    ["address", "1:2:3:4:5:6:7", ""],
    ["address", "1::2::3", ""],
    ["address", "12345::", ""],
    ["address", "example.org", ""],
  ] as const)("%s %s", (form, text, want) => {
    expect(bytesOf(form, text)).toBe(want);
  });
});
