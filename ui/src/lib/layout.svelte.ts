import { allColumns, type TimeMode } from "./columns";
import { keep, recall } from "./storage";

// How the list's columns stand: which, in which order, how wide.

interface Place {
  id: string;
  width: number;
  hidden: boolean;
}

const none = () => "";
const original = allColumns({ time: "absolute", first: 0, name: none, flow: none });
const wide: Record<string, number> = { source: 220, destination: 220 }; // with names
const GROWING = "preview";
const NARROWEST = 24;
const WIDEST = 1600;

class Layout {
  order = $state.raw<Place[]>(restore());
  time = $state<TimeMode>((recall("time") as TimeMode) || "absolute");

  private set(order: Place[]): void {
    this.order = order;
    keep("columns", JSON.stringify(order));
  }

  setTime(time: TimeMode): void {
    this.time = time;
    keep("time", time);
  }

  setWidth(id: string, width: number): void {
    const w = Math.max(NARROWEST, Math.min(WIDEST, Math.round(width)));
    this.set(this.order.map((o) => (o.id === id ? { ...o, width: w } : o)));
  }

  shift(id: string, by: number): void {
    const i = this.order.findIndex((o) => o.id === id);
    const j = i + by;
    if (j < 0 || j >= this.order.length) return;
    const next = [...this.order];
    [next[i], next[j]] = [next[j], next[i]];
    this.set(next);
  }

  toggle(id: string): void {
    this.set(this.order.map((o) => (o.id === id ? { ...o, hidden: !o.hidden } : o)));
  }

  /** Whether a column takes part in the room that is left: the payload always,
   * others unless the reader has chosen their width. */
  grows(o: Place): boolean {
    const c = original.find((c) => c.id === o.id);
    return Boolean(c?.grow) && (o.id === GROWING || o.width === c?.width);
  }

  /** The width of a column: wider with names, unless the reader has chosen one. */
  widthOf(o: Place, named: boolean): number {
    const first = original.find((c) => c.id === o.id)?.width;
    return named && o.width === first ? (wide[o.id] ?? o.width) : o.width;
  }
}

function restore(): Place[] {
  const known = original.map((c) => ({ id: c.id, width: c.width, hidden: false }));
  try {
    const kept = JSON.parse(recall("columns") ?? "[]") as Place[];
    const valid = kept.filter((k) => known.some((c) => c.id === k.id) && k.width >= 20 && k.width < 2000);
    if (valid.length === known.length) return valid;
  } catch {
    // What was kept is not readable: the columns are as they were at first.
  }
  return known;
}

export const layout = new Layout();
