import { describe, expect, it } from "vitest";
import { page as en } from "../../../internal/words/en.json";
import { page as pt } from "../../../internal/words/pt-BR.json";
import { preferred, sentence, translate } from "./i18n";

const holes = (s: string) => [...s.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

describe("catalogues", () => {
  it("have equal keys", () => {
    expect(Object.keys(pt).sort()).toEqual(Object.keys(en).sort());
  });
  it.each(Object.keys(en))("%s has the same placeholders and is not empty", (key) => {
    const k = key as keyof typeof en;
    expect(new Set(holes(pt[k]))).toEqual(new Set(holes(en[k])));
    expect(en[k].trim() && pt[k].trim()).toBeTruthy();
  });
  it("fill in values", () => {
    expect(translate("en", "foot.shown", { n: 7 })).toBe("7 shown");
    expect(preferred(["pt-PT", "en"])).toBe("pt-BR");
    expect(preferred([])).toBe("en");
  });
  it("say findings", () => {
    const values = { dst: "{count}", count: "3" };
    expect(sentence("pt-BR", "finding.refused", values, "")).toBe("Conexões que {count} recusou: 3.");
    expect(sentence("pt-BR", "constructor", values, "in English")).toBe("in English");
  });
});
