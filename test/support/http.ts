/**
 * A small client of the v2 API for the tests, on undici: it sends paths, queries and bodies exactly as they are
 * written, and hands back the bytes exactly as they came. Watches have a connection of their own.
 */
import { Client } from 'undici';
import type { ClientTls } from './certificates.ts';
import { HANG_MS } from './hang.ts';

export interface Request {
  readonly method: string;
  /** Request target as it stands in the request line, from `/v2/keys…` on; characters above 0x7f are single bytes. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Answer {
  readonly status: number;
  /** By lower-case name; repeated headers are joined with a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
  readonly text: string;
}

const formType = { 'content-type': 'application/x-www-form-urlencoded' };

export class ApiClient {
  readonly url: string;
  readonly #clients: readonly Client[];
  readonly #tls: ClientTls | undefined;
  #nextClient = 0;

  /** @param connectionCount how many connections the requests take in turn. @param tls for an https server. */
  constructor(url: string, connectionCount = 1, tls?: ClientTls) {
    this.url = url;
    this.#tls = tls;
    this.#clients = Array.from({ length: connectionCount }, () => newClient(url, tls));
  }

  async send(request: Request): Promise<Answer> {
    const client = this.#clients[this.#nextClient++ % this.#clients.length] as Client;
    const answer = await client.request({
      method: request.method,
      path: request.target,
      headers: { ...request.headers },
      body: request.body ?? null,
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    return { status: answer.statusCode, headers: plainHeaders(answer.headers), bytes, text: bytes.toString('utf8') };
  }

  /** GET of a key: `path` with its query, below `/v2/keys`. */
  get(path: string): Promise<Answer> {
    return this.send({ method: 'GET', target: `/v2/keys${path}` });
  }

  put(path: string, form?: string): Promise<Answer> {
    return this.#withForm('PUT', path, form);
  }

  post(path: string, form?: string): Promise<Answer> {
    return this.#withForm('POST', path, form);
  }

  delete(path: string): Promise<Answer> {
    return this.send({ method: 'DELETE', target: `/v2/keys${path}` });
  }

  /** GET of anything that is not a key. */
  fetch(target: string): Promise<Answer> {
    return this.send({ method: 'GET', target });
  }

  watch(path: string): Promise<OpenWatch> {
    return openWatch(this.url, `/v2/keys${path}`, { tls: this.#tls });
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.destroy()));
  }

  #withForm(method: string, path: string, form: string | undefined): Promise<Answer> {
    const target = `/v2/keys${path}`;
    return this.send(form === undefined ? { method, target } : { method, target, headers: formType, body: form });
  }
}

/** A long poll or stream whose headers have come. Lines are kept until they are asked for. */
export class OpenWatch {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the response is complete. */
  ended = false;
  /** Complete lines not yet taken, one byte a character, each without its newline. */
  readonly lines: string[] = [];
  readonly #client: Client;
  /** Of the line that is not complete yet: joined once, since a line of megabytes comes in hundreds of pieces. */
  #unfinished: string[] = [];
  #wake: () => void = () => {};

  constructor(client: Client, status: number, headers: Record<string, string>, body: AsyncIterable<Buffer>) {
    this.#client = client;
    this.status = status;
    this.headers = headers;
    void this.#read(body);
  }

  /** The next line; rejects when none came within `withinMs`. */
  async nextLine(withinMs = HANG_MS): Promise<string> {
    if (!(await this.until(() => this.lines.length > 0, withinMs)))
      throw new Error(this.ended ? 'the watch ended without another line' : `no line within ${withinMs} ms`);
    return this.lines.shift() ?? '';
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

  close(): Promise<void> {
    return this.#client.destroy();
  }

  async #read(body: AsyncIterable<Buffer>): Promise<void> {
    try {
      for await (const chunk of body) {
        const [first = '', ...more] = chunk.toString('latin1').split('\n');
        this.#unfinished.push(first);
        for (const piece of more) {
          this.lines.push(this.#unfinished.join(''));
          this.#unfinished = [piece];
        }
        this.#wake();
      }
    } catch {
      // Either side has dropped the connection: that ends the response as well.
    }
    this.ended = true;
    this.#wake();
  }
}

/** A watch by its request target, on a connection of its own. */
export async function openWatch(
  url: string,
  target: string,
  { tls, headers = {} }: { tls?: ClientTls | undefined; headers?: Readonly<Record<string, string>> } = {},
): Promise<OpenWatch> {
  const client = newClient(url, tls);
  const answer = await client.request({ method: 'GET', path: target, headers: { ...headers } });
  return new OpenWatch(client, answer.statusCode, plainHeaders(answer.headers), answer.body);
}

function newClient(url: string, tls: ClientTls | undefined): Client {
  const connect = tls === undefined ? {} : { connect: { ...tls } };
  return new Client(url, { bodyTimeout: 0, headersTimeout: 60_000, pipelining: 1, ...connect });
}

function plainHeaders(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined) plain[name] = typeof value === 'string' ? value : value.join(', ');
  return plain;
}
