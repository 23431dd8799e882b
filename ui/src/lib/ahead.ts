// What is typed before the server has answered is done behind the answer, in order.

const MOST = 32; // actions that wait
const PATIENCE = 3000; // milliseconds that they wait for where a packet is

export class Ahead {
  private waiting: (() => void)[] = [];
  private moves = 0;

  /** answered tells whether the rows that were last asked for are there. */
  constructor(private readonly answered: () => boolean) {}

  /** Does it now, or behind what is on its way. */
  do(act: () => void): void {
    if (this.ready && this.waiting.length === 0) act();
    else if (this.waiting.length < MOST) this.waiting.push(act);
  }

  /** Waits for an answer that selects another packet; what is typed meanwhile comes behind it,
   * unless it takes long. */
  async move<T>(answer: Promise<T>): Promise<T> {
    this.moves++;
    let over = false;
    const end = () => {
      if (over) return;
      over = true;
      this.moves--;
      setTimeout(() => this.catchUp()); // after those who wait for the answer
    };
    const timer = setTimeout(end, PATIENCE);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
      end();
    }
  }

  /** Does what can be done now. */
  catchUp(): void {
    while (this.ready) {
      const act = this.waiting.shift();
      if (!act) return;
      act();
    }
  }

  forget(): void {
    this.waiting = [];
  }

  private get ready(): boolean {
    return this.moves === 0 && this.answered();
  }
}
