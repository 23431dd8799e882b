import { hexByte } from "./rows";

// The forms in which bytes are copied.

export const forms = ["hex", "text", "c", "go", "python"] as const;
export type CopyForm = (typeof forms)[number];

const PER_LINE = 12;

function list(b: Uint8Array, indent: string): string {
  const lines: string[] = [];
  for (let i = 0; i < b.length; i += PER_LINE)
    lines.push(indent + [...b.subarray(i, i + PER_LINE)].map((x) => `0x${hexByte[x]},`).join(" "));
  return lines.join("\n");
}

export function copyAs(form: CopyForm, b: Uint8Array): string {
  switch (form) {
    case "hex":
      return [...b].map((x) => hexByte[x]).join("");
    case "text":
      return [...b]
        .map((x) => (x === 10 || x === 9 || (x >= 32 && x < 127) ? String.fromCharCode(x) : "."))
        .join("");
    case "c":
      return `static const unsigned char packet[${b.length}] = {\n${list(b, "\t")}\n};\n`;
    case "go":
      return `var packet = []byte{\n${list(b, "\t")}\n}\n`;
    case "python": {
      const lines: string[] = [];
      for (let i = 0; i < b.length; i += PER_LINE)
        lines.push(`    b"${[...b.subarray(i, i + PER_LINE)].map((x) => `\\x${hexByte[x]}`).join("")}"`);
      return `packet = (\n${lines.join("\n") || '    b""'}\n)\n`;
    }
  }
}
