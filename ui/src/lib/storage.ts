// What the browser keeps of the reader's choices.

export function recall(key: string): string | null {
  try {
    return localStorage.getItem(`tarrafa.${key}`);
  } catch {
    return null;
  }
}

export function keep(key: string, value: string): void {
  try {
    localStorage.setItem(`tarrafa.${key}`, value);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}
