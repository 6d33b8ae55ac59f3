/** As much of a response of uWebSockets.js as the front end's parts touch; the test says when the socket is full. */
import type { HttpResponse } from 'uWebSockets.js';

export class FakeResponse {
  readonly written: string[] = [];
  /** What the next writes return; true where the list has ended. */
  readonly writeResults: boolean[] = [];
  /** How much of their pieces the next tries to end take; all where the list has ended. */
  readonly tryEndSizes: number[] = [];
  isEnded = false;
  isClosed = false;
  onWritableHandler: (() => boolean) | undefined;

  write(piece: Uint8Array): boolean {
    this.written.push(Buffer.from(piece).toString('latin1'));
    return this.writeResults.shift() ?? true;
  }

  /** As the library does it: what the socket does not take is the caller's, and the last byte ends the response. */
  tryEnd(piece: Uint8Array, sizeBytes: number): [boolean, boolean] {
    if (this.isEnded) throw new Error('the response has ended');
    const takenBytes = Math.min(this.tryEndSizes.shift() ?? piece.length, piece.length);
    this.written.push(Buffer.from(piece.subarray(0, takenBytes)).toString('latin1'));
    this.isEnded = this.body.length === sizeBytes;
    return [takenBytes === piece.length, this.isEnded];
  }

  getWriteOffset(): number {
    if (this.isEnded) throw new Error('the response has ended');
    return this.body.length;
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
