/** Gives the focus to a dialog, and keeps it there until the dialog is gone. */
export function trap(el: HTMLElement): { destroy(): void } {
  const before = document.activeElement as HTMLElement | null;
  const inside = () => [
    ...el.querySelectorAll<HTMLElement>(
      "button:not(:disabled), a[href], input:not(:disabled), select, textarea",
    ),
  ];
  (el.querySelector<HTMLElement>("[data-first]") ?? inside()[0])?.focus();
  const key = (e: KeyboardEvent) => {
    if (e.key !== "Tab") return;
    const list = inside();
    const edge = e.shiftKey ? list[0] : list.at(-1);
    if (document.activeElement === edge) {
      e.preventDefault();
      (e.shiftKey ? list.at(-1) : list[0])?.focus();
    }
  };
  el.addEventListener("keydown", key);
  return {
    destroy() {
      el.removeEventListener("keydown", key);
      before?.focus();
    },
  };
}
