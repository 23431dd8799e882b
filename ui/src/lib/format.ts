// Texts of times, sizes and counts.

const pad = (n: number, width: number) => String(n).padStart(width, "0");

export function clock(ns: bigint): string {
  const d = new Date(Number(ns / 1_000_000n));
  const rest = Number(((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n);
  return `${pad(d.getHours(), 2)}:${pad(d.getMinutes(), 2)}:${pad(d.getSeconds(), 2)}.${pad(Math.trunc(rest / 1000), 6)}`;
}

export function day(ns: bigint): string {
  const d = new Date(Number(ns / 1_000_000n));
  return `${d.getFullYear()}-${pad(d.getMonth() + 1, 2)}-${pad(d.getDate(), 2)}`;
}

export function seconds(ns: bigint): string {
  const sign = ns < 0n ? "-" : "";
  const a = ns < 0n ? -ns : ns;
  return `${sign}${a / 1_000_000_000n}.${pad(Number((a % 1_000_000_000n) / 1000n), 6)}`;
}

export function bytes(n: number, locale: string): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let u = 0;
  while (n >= 1000 && u < units.length - 1) {
    n /= 1000;
    u++;
  }
  const digits = u === 0 || n >= 100 ? 0 : 1;
  return `${n.toLocaleString(locale, { maximumFractionDigits: digits, minimumFractionDigits: digits })} ${units[u]}`;
}

export function rate(n: number, locale: string): string {
  const units = ["", " k", " M", " G"];
  let u = 0;
  while (n >= 10000 && u < units.length - 1) {
    n /= 1000;
    u++;
  }
  return n.toLocaleString(locale, { maximumFractionDigits: n < 10 && u > 0 ? 1 : 0 }) + units[u];
}

export function count(n: number, locale: string): string {
  return n.toLocaleString(locale);
}

export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(s / 3600);
  return `${h > 0 ? `${h}:` : ""}${pad(Math.floor(s / 60) % 60, 2)}:${pad(s % 60, 2)}`;
}
