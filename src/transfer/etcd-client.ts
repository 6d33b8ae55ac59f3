/**
 * A server of the v2 API, uetcd or etcd, as dump and load see it. On node:http: requests leave exactly as written,
 * connections are kept and bounded, and there is no time limit: an etcd that gathers a large listing is silent for long.
 */
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { text } from 'node:stream/consumers';
import { type ByteString, textOf } from '../base/byte-string.ts';
import { faultOfKey } from '../base/pem.ts';

/** What the server said instead of doing what it was asked. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  /** The `errorCode` of the API; undefined when the answer was none of the API's. */
  readonly code: number | undefined;

  constructor(message: string, code: number | undefined) {
    super(message);
    this.code = code;
  }
}

/** Throws with the reason when `text` is no URL of a server. */
export function parseEndpoint(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url === undefined || !isHttp || url.pathname !== '/' || url.search !== '' || url.hostname === '') {
    throw new Error(`"${text}" is not the URL of a server: http://HOST:PORT is`);
  }
  if (!isEscaped(url.username) || !isEscaped(url.password)) {
    throw new Error(`the user or the password in the URL for ${url.host} has a % that is no escape: as one it is %25`);
  }
  return url;
}

function isEscaped(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** The target of a key. Whatever a path could mean otherwise is escaped; the clean path of a key stays clean. */
export function targetOf(key: ByteString): string {
  const escaped = key.replace(/[^A-Za-z0-9\-_.~/]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `/v2/keys${escaped}`;
}

const FORM_TYPE = 'application/x-www-form-urlencoded';

/** PEM files for servers that speak https. */
export interface ClientTls {
  /** CAs that vouch for the server, in place of those that Node.js knows. */
  readonly caFile?: string | undefined;
  /** The client's own certificate and its key, for servers that want one. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

export class EtcdClient {
  /** The endpoint without password. */
  readonly name: string;
  readonly #endpoint: URL;
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;

  /** Throws when a file cannot be read. */
  constructor(endpoint: URL, connectionsMax: number, tls: ClientTls = {}) {
    const isSecure = endpoint.protocol === 'https:';
    const options = { keepAlive: true, maxSockets: connectionsMax };
    this.name = endpoint.origin;
    this.#endpoint = endpoint;
    this.#agent = isSecure ? new https.Agent({ ...options, ...readTls(tls) }) : new http.Agent(options);
    this.#request = isSecure ? https.request : http.request;
  }

  /**
   * Resolves once the headers of a success are there; the body is the caller's to read.
   * @throws RefusedError; an Error when the server cannot be reached.
   */
  async get(target: string): Promise<IncomingMessage> {
    const answer = await this.#send('GET', target, undefined);
    if (answer.statusCode === 200) return answer;
    throw await this.#refusal(answer, 'GET', target);
  }

  /** Throws when there is no server. */
  async check(): Promise<void> {
    await this.#bodyOf(await this.get('/version'));
  }

  /** Resolves once the write is done. @throws as `get`. */
  async put(target: string, body: ByteString): Promise<void> {
    const answer = await this.#send('PUT', target, Buffer.from(body, 'latin1'));
    if (answer.statusCode !== 200 && answer.statusCode !== 201) throw await this.#refusal(answer, 'PUT', target);
    await this.#bodyOf(answer); // To its end, so that the connection is free for the next.
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(method: string, target: string, body: Buffer | undefined): Promise<IncomingMessage> {
    for (;;) {
      const request = this.#begin(method, target, body);
      try {
        return await new Promise((resolve, reject) => request.on('response', resolve).on('error', reject));
      } catch (cause) {
        // A server closes idle connections, perhaps in the moment in which one is used again. All our requests can be
        // made twice, and a connection that is new tells the truth.
        if (request.reusedSocket && isConnectionLost(cause)) continue;
        throw this.#unreachable(cause);
      }
    }
  }

  #bodyOf(answer: IncomingMessage): Promise<string> {
    return text(answer).catch((cause: unknown) => {
      throw this.#unreachable(cause);
    });
  }

  #unreachable(cause: unknown): Error {
    return new Error(`cannot reach ${this.name}: ${reasonOf(cause)}`, { cause });
  }

  #begin(method: string, target: string, body: Buffer | undefined): http.ClientRequest {
    const { hostname, port, username, password } = this.#endpoint;
    const request = this.#request({
      agent: this.#agent,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port: port === '' ? undefined : port,
      method,
      path: target,
      ...(username === '' ? {} : { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
      headers: body === undefined ? {} : { 'content-type': FORM_TYPE, 'content-length': body.length },
    });
    request.end(body);
    return request;
  }

  async #refusal(answer: IncomingMessage, method: string, target: string): Promise<RefusedError> {
    const asked = `${this.name} refused ${method} ${shortened(target)}`;
    const said = apiErrorOf(await this.#bodyOf(answer));
    if (said === undefined) {
      return new RefusedError(`${asked} with status ${answer.statusCode}: is the v2 API on there?`, undefined);
    }
    const cause = said.cause === undefined || said.cause === '' ? '' : ` (${said.cause})`;
    return new RefusedError(`${asked} with error ${said.errorCode}: ${said.message}${cause}`, said.errorCode);
  }
}

/** The contents of the files, as node:tls names them. */
function readTls({ caFile, certFile, keyFile }: ClientTls): https.AgentOptions {
  if ((certFile === undefined) !== (keyFile === undefined)) {
    throw new Error('a certificate and its key go together: --cert-file and --key-file');
  }
  return { ca: readPem(caFile), cert: readPem(certFile), key: readKey(keyFile) };
}

function readKey(file: string | undefined): Buffer | undefined {
  const pem = readPem(file);
  const fault = pem && faultOfKey(pem.toString('latin1'));
  if (fault !== undefined) throw new Error(`cannot use ${file}: ${fault}`);
  return pem;
}

function readPem(file: string | undefined): Buffer | undefined {
  try {
    return file === undefined ? undefined : readFileSync(file);
  } catch (cause) {
    throw new Error(`cannot read ${file}: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
}

interface ApiErrorBody {
  readonly errorCode: number;
  readonly message: string;
  readonly cause?: string;
}

function apiErrorOf(body: string): ApiErrorBody | undefined {
  try {
    const parsed = JSON.parse(body);
    return typeof parsed?.errorCode === 'number' ? parsed : undefined;
  } catch {
    return undefined;
  }
}

function isConnectionLost(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException).code;
  return code === 'ECONNRESET' || code === 'EPIPE';
}

/** Of several addresses that were tried in vain, Node's error has only a code. */
export function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.message === '' ? String((cause as NodeJS.ErrnoException).code) : cause.message;
}

const SHOWN_LENGTH_MAX = 200;

/** A key can be a whole megabyte; a message should stay a line. */
function shortened(target: string): string {
  const shown = textOf(target as ByteString);
  return shown.length <= SHOWN_LENGTH_MAX ? shown : `${shown.slice(0, SHOWN_LENGTH_MAX)}…`;
}
