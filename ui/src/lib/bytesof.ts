// Bytes that somebody has written down, as hexadecimal digits; empty when they are none.

export function bytesOf(form: "hex" | "address", text: string): string {
  const s = text.trim().toLowerCase();
  if (form === "hex") {
    const digits = s.replace(/0x|[\s:,.-]/g, "");
    return /^(?:[0-9a-f]{2})+$/.test(digits) ? digits : "";
  }
  const mac = s.split(/[:-]/);
  if (mac.length === 6 && mac.every((x) => /^[0-9a-f]{2}$/.test(x))) return mac.join("");
  return s.includes(":") ? ipv6(s) : ipv4(s);
}

function ipv4(s: string): string {
  const parts = s.split(".");
  if (parts.length !== 4 || !parts.every((x) => /^\d{1,3}$/.test(x) && Number(x) < 256)) return "";
  return parts.map((x) => Number(x).toString(16).padStart(2, "0")).join("");
}

// RFC 4291, section 2.2.
function ipv6(s: string): string {
  const halves = s.split("::");
  if (halves.length > 2) return "";
  const groups = (half: string): string[] => {
    if (half === "") return [];
    const list = half.split(":");
    const tail = list.at(-1) ?? "";
    if (tail.includes(".")) {
      const hex = ipv4(tail);
      list.splice(-1, 1, hex.slice(0, 4), hex.slice(4));
    }
    return list;
  };
  const head = groups(halves[0]);
  const tail = halves.length === 2 ? groups(halves[1]) : [];
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return "";
  const all = [...head, ...Array<string>(Math.max(0, missing)).fill("0"), ...tail];
  return all.every((x) => /^[0-9a-f]{1,4}$/.test(x)) ? all.map((x) => x.padStart(4, "0")).join("") : "";
}
