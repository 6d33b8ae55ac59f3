/** One connection for single requests in the middle of a measurement: says when the answer is there, nothing more. */
import type { AnswerSink } from './answer.ts';
import { Connection } from './connection.ts';
import type { Target } from './dialect.ts';

export class AckClient implements AnswerSink {
  readonly #connection: Connection;
  readonly #onAck: () => void;
  readonly #onFailure: (what: string) => void;

  constructor(target: Target, onAck: () => void, onFailure: (what: string) => void) {
    this.#onAck = onAck;
    this.#onFailure = onFailure;
    this.#connection = new Connection(target, this);
  }

  get opened(): Promise<void> {
    return this.#connection.opened;
  }

  send(request: string): void {
    this.#connection.send(request);
  }

  close(): void {
    this.#connection.close();
  }

  onHead(status: number): void {
    if (status !== 200 && status !== 201) this.#onFailure(`a request was answered with status ${status}`);
  }

  onBody(): void {}

  onEnd(): void {
    this.#onAck();
  }

  onClose(reason: string): void {
    this.#onFailure(`connection lost: ${reason}`);
  }
}
