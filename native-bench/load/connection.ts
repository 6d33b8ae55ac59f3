/**
 * One client connection, close to the kernel: requests are written as Latin-1 strings (libuv tries the write at once,
 * from the stack), answers are read into one buffer that all connections of the thread share, because each read is
 * consumed before the next one can happen. Compared with 'data' events this saves a Buffer and a stream turn per
 * answer; `npm run bench -- --check-generator` shows how it stands against wrk.
 */
import { connect, type Socket } from 'node:net';
import type { AnswerSink } from './answer.ts';
import { dialectOf, type Target } from './dialect.ts';

const READ_BUFFER_BYTES = 256 * 1024;
const readBuffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);

export class Connection {
  /** Rejects when the server cannot be reached. */
  readonly opened: Promise<void>;
  readonly #socket: Socket;
  #isClosing = false;

  constructor(target: Target, sink: AnswerSink) {
    const reader = dialectOf(target).createReader(sink);
    const callback = (length: number): boolean => {
      reader.push(readBuffer, length);
      return true;
    };
    const socket = connect({
      host: '127.0.0.1',
      port: target.port,
      noDelay: true,
      onread: { buffer: readBuffer, callback },
    });
    this.#socket = socket;
    this.opened = new Promise((resolve, reject) => {
      let isOpen = false;
      let reason = 'closed by the server';
      socket.once('connect', () => {
        isOpen = true;
        resolve();
      });
      socket.on('error', (error) => {
        reason = error.message;
      });
      socket.once('close', () => {
        if (!isOpen) reject(new Error(reason));
        else if (!this.#isClosing) sink.onClose(reason);
      });
    });
  }

  send(request: string): void {
    this.#socket.write(request, 'latin1');
  }

  /** The sink is not told: it was our own wish. */
  close(): void {
    this.#isClosing = true;
    this.#socket.destroy();
  }
}
