import { page as en } from "../../../internal/words/en.json";
import { page as pt } from "../../../internal/words/pt-BR.json";

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
  return catalogues[language][key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}
