import type { Message } from "./messages";
import { Rows } from "./rows";

export interface SocketEvents {
  state(connected: boolean): void;
  rows(rows: Rows): void;
  message(m: Message): void;
  /** The program has ended; there will be no other connection. */
  ended(): void;
}

const FIRST = 250; // milliseconds until the next try
const LONGEST = 5000;

/** The WebSocket of the page, which comes back by itself. */
export class Socket {
  private socket: WebSocket | null = null;
  private retry = FIRST;
  private over = false;

  constructor(private readonly events: SocketEvents) {}

  connect(): void {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const s = new WebSocket(`${scheme}://${location.host}/api/v1/ws`);
    s.binaryType = "arraybuffer";
    this.socket = s;
    s.onopen = () => {
      this.retry = FIRST;
      this.events.state(true);
    };
    s.onmessage = (m) => {
      if (m.data instanceof ArrayBuffer) this.events.rows(new Rows(m.data));
      else this.events.message(JSON.parse(m.data as string) as Message);
    };
    s.onclose = (e) => {
      this.events.state(false);
      if (e.code === 1001) this.over = true;
      if (this.over) {
        this.events.ended();
        return;
      }
      setTimeout(() => this.connect(), this.retry);
      this.retry = Math.min(LONGEST, this.retry * 2);
    };
  }

  /** The last word has been said: the next close is for good. */
  last(): void {
    this.over = true;
  }

  send(v: unknown): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(v));
  }
}
