// Texts of times, sizes and counts.

const pad = (n: number, width: number) => String(n).padStart(width, "0");

let second = Number.NaN;
let secondText = "";

/** The time of day of microseconds since 1970. Rows of one second share most of it. */
export function clock(micros: number): string {
  const s = Math.floor(micros / 1e6);
  if (s !== second) {
    const d = new Date(s * 1000);
    second = s;
    secondText = `${pad(d.getHours(), 2)}:${pad(d.getMinutes(), 2)}:${pad(d.getSeconds(), 2)}.`;
  }
  return secondText + pad(micros - s * 1e6, 6);
}

/** Microseconds as seconds with six digits. */
export function seconds(micros: number): string {
  const a = Math.abs(micros);
  const s = Math.floor(a / 1e6);
  return `${micros < 0 ? "-" : ""}${s}.${pad(a - s * 1e6, 6)}`;
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

/** The beginning of a text that may be long. */
export function clip(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}

export function duration(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(s / 3600);
  return `${h > 0 ? `${h}:` : ""}${pad(Math.floor(s / 60) % 60, 2)}:${pad(s % 60, 2)}`;
}
