// The scrollbar of a list that may be longer than any element can be: it is scaled.

const SMALLEST = 24; // pixels of the thumb

export class Scrollbar {
  readonly element: HTMLElement;
  private readonly thumb: HTMLElement;
  private height = 0;
  private size = -1;
  private at = -1;
  private last = 0; // highest top
  private idle = false;

  constructor(private readonly scroll: (top: number) => void) {
    this.element = document.createElement("div");
    this.element.className = "grid-bar";
    this.element.setAttribute("aria-hidden", "true");
    this.thumb = document.createElement("div");
    this.thumb.className = "grid-thumb";
    this.element.append(this.thumb);
    this.element.addEventListener("pointerdown", this.drag);
  }

  paint(height: number, top: number, visible: number, total: number): void {
    const share = total > 0 ? Math.min(1, visible / total) : 1;
    const size = Math.max(SMALLEST, Math.round(height * share));
    this.height = height;
    this.last = Math.max(0, total - visible);
    const at = this.last > 0 ? Math.round((height - size) * (top / this.last)) : 0;
    const idle = this.last === 0;
    if (size !== this.size) this.thumb.style.height = `${size}px`;
    if (at !== this.at) this.thumb.style.transform = `translateY(${at}px)`;
    if (idle !== this.idle) this.element.classList.toggle("idle", idle);
    this.size = size;
    this.at = at;
    this.idle = idle;
  }

  private readonly drag = (e: PointerEvent) => {
    if (e.button !== 0 || this.last === 0) return;
    e.preventDefault();
    const box = this.element.getBoundingClientRect();
    const grip = e.target === this.thumb ? e.clientY - box.top - this.at : this.size / 2;
    const move = (m: PointerEvent) => {
      const room = Math.max(1, this.height - this.size);
      this.scroll(Math.round((this.last * (m.clientY - box.top - grip)) / room));
    };
    const end = () => {
      this.element.removeEventListener("pointermove", move);
      this.element.removeEventListener("pointerup", end);
      this.element.removeEventListener("pointercancel", end);
    };
    this.element.setPointerCapture(e.pointerId);
    this.element.addEventListener("pointermove", move);
    this.element.addEventListener("pointerup", end);
    this.element.addEventListener("pointercancel", end);
    move(e);
  };
}
