/** As much of a response of uWebSockets.js as the front end's parts touch; the test says when the socket is full. */
import type { HttpResponse } from 'uWebSockets.js';

export class FakeResponse {
  readonly written: string[] = [];
  /** What the next writes return; true where the list has ended. */
  readonly writeResults: boolean[] = [];
  isEnded = false;
  isClosed = false;
  onWritableHandler: (() => boolean) | undefined;

  write(piece: Uint8Array): boolean {
    this.written.push(Buffer.from(piece).toString('latin1'));
    return this.writeResults.shift() ?? true;
  }

  end(piece?: Uint8Array): void {
    if (piece !== undefined) this.written.push(Buffer.from(piece).toString('latin1'));
    this.isEnded = true;
  }

  close(): void {
    this.isClosed = true;
  }

  onWritable(handler: () => boolean): void {
    this.onWritableHandler = handler;
  }

  cork(task: () => void): void {
    task();
  }

  get body(): string {
    return this.written.join('');
  }

  /** For the code under test, which knows nothing of the rest. */
  get asResponse(): HttpResponse {
    return this as unknown as HttpResponse;
  }
}
