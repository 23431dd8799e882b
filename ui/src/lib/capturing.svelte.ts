import { write } from "./api";

// What the reader may do to the capture itself: stop taking packets, take them again, end it.

const PATIENCE = 2000; // milliseconds: somebody else may have turned it back meanwhile

export class Capturing {
  closing = $state(false); // it is being ended
  switching = $state(false); // it is being stopped or started
  private wantsSuspended = false;

  /** say tells the reader what has failed. */
  constructor(private readonly say: (e: unknown) => void) {}

  /** Stops the capturing, or starts it again. The next status says that it is so. */
  async suspend(on: boolean): Promise<void> {
    this.switching = true;
    this.wantsSuspended = on;
    try {
      await write("POST", on ? "suspend" : "resume");
      setTimeout(() => this.settle(), PATIENCE);
    } catch (e) {
      this.switching = false;
      this.say(e);
    }
  }

  /** The server says how it is. */
  is(suspended: boolean): void {
    if (suspended === this.wantsSuspended) this.settle();
  }

  /** Nothing is on its way any more. */
  settle(): void {
    this.switching = false;
  }

  async stop(): Promise<void> {
    this.closing = true;
    try {
      await write("POST", "stop");
    } catch (e) {
      this.closing = false;
      this.say(e);
    }
  }
}
