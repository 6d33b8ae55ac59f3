/** Watchers to whom each send takes its time, on a clock that nothing else moves. */
import { Slots } from '../../../src/front/exchange/slots.ts';
import { TurnQueue } from '../../../src/front/exchange/turn-queue.ts';
import { FakeResponse } from '../fake-response.ts';

export class TimedWatchers {
  readonly slots = new Slots();
  readonly queue = new TurnQueue(() => this.#nowMs);
  sendMs: number;
  #nowMs = 0;

  constructor(sendMs: number) {
    this.sendMs = sendMs;
  }

  /** A send has been done. */
  spend(): void {
    this.#nowMs += this.sendMs;
  }

  open(): { slot: number; response: FakeResponse } {
    const response = new FakeResponse();
    response.cork = (task) => {
      this.spend();
      task();
    };
    const slot = this.slots.claim(response.asResponse);
    this.slots.startWatching(slot);
    return { slot, response };
  }
}
