/**
 * A snapshot that comes by two threads: one reads, checks and hashes its bytes, the other makes a tree of them meanwhile. It
 * is the journal worker that reads: before the store is there it has nothing else to do.
 *
 *   store worker, SnapshotHelper         journal worker, serveSnapshots
 *   which file            ────────────▶  reads it as any thread would (journal/snapshot-reader.ts)
 *   keys of each chunk    ◀────────────  chunks with a survey of their nodes, each a message; at last the header, or
 *                                        what is wrong with the file
 *
 * A message is posted before `said` counts it, so whoever sees the count finds the message by a synchronous look. The memory
 * of a chunk is transferred. There can be as many on their way as the file has: keys sleep in them, so all of them
 * are to stay.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { NamedFile } from '../journal/directory.ts';
import type { FileLayer } from '../journal/file-layer.ts';
import { DamagedJournalError } from '../journal/journal-error.ts';
import { readNamedSnapshot, type SnapshotHeader } from '../journal/snapshot-reader.ts';
import { surveyOf } from '../store/snapshot-codec.ts';

/** What each of the two threads is given. The port is one end of a MessageChannel and must be transferred. */
export interface SnapshotHelperEnd {
  readonly port: MessagePort;
  /** One word: how many messages there have been. Written by the journal worker. */
  readonly said: SharedArrayBuffer;
}

type Said =
  | { readonly kind: 'chunk'; readonly chunk: Uint8Array<ArrayBuffer>; readonly survey: Int32Array }
  | { readonly kind: 'end'; readonly sequence: number; readonly metadata: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'damage'; readonly file: string; readonly offset: number; readonly finding: string }
  | { readonly kind: 'failure'; readonly error: unknown };

/** How often the one who waits looks whether all is to stop: the other may have ended without a word. */
const LOOK_MS = 50;

export class SnapshotHelper {
  readonly #port: MessagePort;
  readonly #said: Int32Array;
  readonly #isStopping: () => boolean;
  #heard = 0;

  constructor({ port, said }: SnapshotHelperEnd, isStopping: () => boolean) {
    this.#port = port;
    this.#said = new Int32Array(said);
    this.#isStopping = isStopping;
  }

  /** As `readNamedSnapshot`, with the survey of the nodes. Throws what that would throw on the other thread. */
  read(file: NamedFile, onChunk: (chunk: Buffer, survey: Int32Array) => void): SnapshotHeader {
    this.#port.postMessage(file);
    for (;;) {
      const said = this.#next();
      if (said.kind === 'chunk') onChunk(bufferOf(said.chunk), said.survey);
      else if (said.kind === 'end') return { sequence: said.sequence, metadata: bufferOf(said.metadata) };
      else if (said.kind === 'damage') throw new DamagedJournalError(said.file, said.offset, said.finding);
      else throw said.error;
    }
  }

  #next(): Said {
    while (Atomics.load(this.#said, 0) === this.#heard) {
      Atomics.wait(this.#said, 0, this.#heard, LOOK_MS);
      if (this.#isStopping()) throw new Error('the server stops while it recovers');
    }
    this.#heard++;
    return receiveMessageOnPort(this.#port)?.message as Said;
  }
}

/** Reads the snapshots that the store worker asks for, until `port` is closed. */
export function serveSnapshots({ port, said }: SnapshotHelperEnd, layer: FileLayer): void {
  const count = new Int32Array(said);
  const say = (message: Said, ...transferred: ArrayBuffer[]) => {
    port.postMessage(message, transferred);
    Atomics.add(count, 0, 1);
    Atomics.notify(count, 0);
  };
  port.on('message', (file: NamedFile) => {
    try {
      const { sequence, metadata } = readNamedSnapshot(file, layer, (bytes) => {
        const chunk = bytes as Uint8Array<ArrayBuffer>;
        const survey = surveyOf(bytes);
        say({ kind: 'chunk', chunk, survey }, chunk.buffer, survey.buffer);
      });
      say({ kind: 'end', sequence, metadata: new Uint8Array(metadata) });
    } catch (error) {
      if (!(error instanceof DamagedJournalError)) say({ kind: 'failure', error });
      else say({ kind: 'damage', file: error.file, offset: error.offset, finding: error.finding });
    }
  });
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array<ArrayBuffer>): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
