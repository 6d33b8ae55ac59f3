/** A TCP connection for the edge tests: it sends any bytes, in any pieces, and keeps all that comes back. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { HANG_MS } from './hang.ts';

export interface RawAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** One byte a character. */
  readonly body: string;
}

export class RawConnection {
  readonly socket: Socket;
  /** All that has come and was not yet taken as an answer, one byte a character. */
  received = '';
  isClosed = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      this.#wake();
    });
    // A reset by the server is an answer like any other here.
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  static async open(url: string): Promise<RawConnection> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  /** Resolves when the bytes are on their way to the kernel. */
  write(bytes: string | Buffer): Promise<void> {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    return new Promise((resolve) => this.socket.write(buffer, () => resolve()));
  }

  /** Resolves to whether `claim` came true within `withinMs`; looked at whenever something arrives. */
  until(claim: () => boolean, withinMs = HANG_MS): Promise<boolean> {
    if (claim()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (isTrue: boolean) => {
        clearTimeout(timer);
        this.#wake = () => {};
        resolve(isTrue);
      };
      const timer = setTimeout(() => finish(claim()), withinMs);
      this.#wake = () => {
        if (claim()) finish(true);
      };
    });
  }

  /** The next whole answer with a Content-Length; undefined when the connection closed, or time passed, without one. */
  async answer(withinMs = HANG_MS): Promise<RawAnswer | undefined> {
    await this.until(() => this.isClosed || answerLength(this.received) !== undefined, withinMs);
    const length = answerLength(this.received);
    if (length === undefined) return undefined;
    const text = this.received.slice(0, length);
    this.received = this.received.slice(length);
    return parseAnswer(text);
  }

  destroy(): void {
    this.socket.destroy();
  }
}

/** A request as bytes, with its Content-Length when it has a form. */
export function requestBytes(method: string, target: string, form?: string): string {
  const head = `${method} ${target} HTTP/1.1\r\nHost: test\r\n`;
  if (form === undefined) return `${head}\r\n`;
  return `${head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\n\r\n${form}`;
}

function answerLength(bytes: string): number | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const length = headEnd + 4 + Number(/^content-length: *(\d+)/im.exec(bytes.slice(0, headEnd))?.[1] ?? 0);
  return bytes.length >= length ? length : undefined;
}

function parseAnswer(text: string): RawAnswer {
  const headEnd = text.indexOf('\r\n\r\n');
  const [statusLine = '', ...headerLines] = text.slice(0, headEnd).split('\r\n');
  const headers = Object.fromEntries(
    headerLines.map((header) => {
      const colon = header.indexOf(':');
      return [header.slice(0, colon).toLowerCase(), header.slice(colon + 1).trim()];
    }),
  );
  return { status: Number(statusLine.split(' ')[1]), headers, body: text.slice(headEnd + 4) };
}
