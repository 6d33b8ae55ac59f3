/**
 * One watcher, in whichever way the peer offers: a long poll that is re-armed with the index after the last event, a
 * stream, or a subscription. Events are told apart by what ends them: the end of the answer, or the newline that
 * follows each event of a stream (JSON itself contains none). A server may cut an event anywhere into chunks.
 */
import type { AnswerSink } from './answer.ts';
import { Connection } from './connection.ts';
import type { Dialect, Target } from './dialect.ts';

export type WatchMode = 'long-poll' | 'stream';

export interface WatchListener {
  /** The server has accepted the watch: every later change will be heard. */
  onArmed(): void;
  /** @param text  of the event; empty when the watcher was told to keep no text. */
  onEvent(text: string): void;
  onFailure(what: string): void;
}

export interface WatcherOptions {
  readonly isRecursive?: boolean;
  /** Another request than the mode's own, for what one dialect says differently. */
  readonly request?: string;
  /** False saves the decoding where only the number of events matters. */
  readonly keepsText?: boolean;
}

const NEWLINE = 10;

export class Watcher implements AnswerSink {
  readonly #connection: Connection;
  readonly #dialect: Dialect;
  readonly #key: string;
  readonly #mode: WatchMode | 'subscription';
  readonly #listener: WatchListener;
  readonly #request: string;
  readonly #keepsText: boolean;
  #isArmed = false;
  #text = '';

  constructor(
    target: Target,
    dialect: Dialect,
    key: string,
    mode: WatchMode,
    listener: WatchListener,
    options: WatcherOptions = {},
  ) {
    this.#dialect = dialect;
    this.#key = key;
    this.#mode = dialect.name === 'redis' ? 'subscription' : mode;
    this.#listener = listener;
    this.#request =
      options.request ??
      (mode === 'long-poll' ? dialect.watch(key, 0) : dialect.watchStream(key, options.isRecursive ?? false));
    this.#keepsText = options.keepsText ?? true;
    this.#connection = new Connection(target, this);
  }

  get opened(): Promise<void> {
    return this.#connection.opened;
  }

  /** Whether each event is followed by another onArmed. */
  get rearmsItself(): boolean {
    return this.#mode === 'long-poll';
  }

  /** Asks for the watch. To be called once. */
  arm(): void {
    this.#connection.send(this.#request);
  }

  close(): void {
    this.#connection.close();
  }

  onHead(status: number): void {
    if (status !== 200) this.#listener.onFailure(`a watch was answered with status ${status}`);
    if (this.#mode !== 'subscription') this.#listener.onArmed();
  }

  onBody(bytes: Buffer, start: number, end: number): void {
    if (this.#mode !== 'stream') {
      if (this.#keepsText || this.#mode === 'long-poll') this.#text += bytes.latin1Slice(start, end);
      return;
    }
    let from = start;
    for (let at = start; at < end; at++) {
      if (bytes[at] !== NEWLINE) continue;
      if (this.#keepsText) this.#text += bytes.latin1Slice(from, at);
      from = at + 1;
      this.#emit();
    }
    if (this.#keepsText && from < end) this.#text += bytes.latin1Slice(from, end);
  }

  onEnd(): void {
    if (this.#mode === 'stream') this.#listener.onFailure('the server ended the stream');
    else if (this.#mode === 'subscription') this.#endOfMessage();
    else {
      const next = modifiedIndexOf(this.#text) + 1;
      this.#emit();
      this.#connection.send(this.#dialect.watch(this.#key, next));
    }
  }

  onClose(reason: string): void {
    this.#listener.onFailure(`a watcher lost its connection: ${reason}`);
  }

  /** The first reply on a subscription confirms it; every later one is a message. */
  #endOfMessage(): void {
    if (this.#isArmed) this.#emit();
    else {
      this.#isArmed = true;
      this.#text = '';
      this.#listener.onArmed();
    }
  }

  #emit(): void {
    const text = this.#text;
    this.#text = '';
    this.#listener.onEvent(text);
  }
}

function modifiedIndexOf(event: string): number {
  // The node comes before prevNode, so the first one is the event's own.
  return Number(/"modifiedIndex":(\d+)/.exec(event)?.[1] ?? Number.NaN);
}
