import { page as en, findings as enFindings } from "../../../internal/words/en.json";
import { page as pt, findings as ptFindings } from "../../../internal/words/pt-BR.json";

export type Key = keyof typeof en;
export type Language = "en" | "pt-BR";

const catalogues: Record<Language, Record<Key, string>> = { en, "pt-BR": pt };

export function preferred(languages: readonly string[]): Language {
  return (languages[0] ?? "").toLowerCase().startsWith("pt") ? "pt-BR" : "en";
}

export function translate(
  language: Language,
  key: Key,
  values: Record<string, string | number> = {},
): string {
  return fill(catalogues[language][key], values);
}

const sentences: Record<Language, Record<string, string>> = { en: enFindings, "pt-BR": ptFindings };

/** The sentence of a finding; english is what is said where the catalogue has no such key. */
export function sentence(
  language: Language,
  key: string,
  values: Record<string, string>,
  english: string,
): string {
  const text = Object.hasOwn(sentences[language], key) ? sentences[language][key] : undefined;
  return text === undefined ? english : fill(text, values);
}

function fill(text: string, values: Record<string, string | number>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
