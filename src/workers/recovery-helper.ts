/**
 * A data directory that comes back by two threads: one reads, checks and hashes the bytes of its files, the other makes a tree
 * of them meanwhile. It is the journal worker that reads: before the store is there it has nothing else to do.
 *
 *   store worker, RecoveryHelper         journal worker, serveRecovery
 *   which snapshot        ────────────▶  reads it as any thread would (journal/snapshot-reader.ts)
 *   which segments follow ────────────▶
 *   keys of each chunk    ◀────────────  chunks with a survey of their nodes, each a message; at last the header, or
 *                                        what is wrong with the file
 *   commands of each      ◀────────────  segments, each a message, with how far they are sound; nothing of one that
 *                                        cannot be read: then the store worker reads it, and finds out why
 *
 * A message is posted before `said` counts it, so whoever sees the count finds the message by a synchronous look. The memory
 * of a chunk or a segment is transferred. There can be as many chunks on their way as the file has: keys sleep in them, so all
 * of them are to stay. Segments go again, so only `SEGMENTS_AHEAD_MAX` are asked for before they are taken.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { assert } from '../base/assert.ts';
import type { NamedFile } from '../journal/directory.ts';
import type { FileLayer } from '../journal/file-layer.ts';
import { DamagedJournalError } from '../journal/journal-error.ts';
import type { ReadSegment } from '../journal/segment.ts';
import type { SegmentsAhead } from '../journal/segment-chain.ts';
import { readAhead } from '../journal/segment-reader.ts';
import { readNamedSnapshot, type SnapshotHeader } from '../journal/snapshot-reader.ts';
import { surveyOf } from '../store/snapshot-codec.ts';

/** What each of the two threads is given. The port is one end of a MessageChannel and must be transferred. */
export interface RecoveryHelperEnd {
  readonly port: MessagePort;
  /** One word: how many messages there have been. Written by the journal worker. */
  readonly said: SharedArrayBuffer;
}

type Asked = { readonly kind: 'snapshot' | 'segment'; readonly file: NamedFile };

type Said =
  | { readonly kind: 'chunk'; readonly chunk: Uint8Array<ArrayBuffer>; readonly survey: Int32Array }
  | { readonly kind: 'end'; readonly sequence: number; readonly metadata: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'damage'; readonly file: string; readonly offset: number; readonly finding: string }
  | { readonly kind: 'failure'; readonly error: unknown }
  | { readonly kind: 'segment'; readonly read: ReadSegment | undefined };

/** How often the one who waits looks whether all is to stop: the other may have ended without a word. */
const LOOK_MS = 50;
/** One is being replayed, one read. */
const SEGMENTS_AHEAD_MAX = 2;

export class RecoveryHelper implements SegmentsAhead {
  readonly #port: MessagePort;
  readonly #said: Int32Array;
  readonly #isStopping: () => boolean;
  #heard = 0;
  /** Segments in the order in which they will be taken, and how many of them have been asked for. */
  #expected: NamedFile[] = [];
  #asked = 0;

  constructor({ port, said }: RecoveryHelperEnd, isStopping: () => boolean) {
    this.#port = port;
    this.#said = new Int32Array(said);
    this.#isStopping = isStopping;
  }

  /** As `readNamedSnapshot`, with the survey of the nodes. Throws what that would throw on the other thread. */
  readSnapshot(file: NamedFile, onChunk: (chunk: Buffer, survey: Int32Array) => void): SnapshotHeader {
    assert(this.#asked === 0, 'snapshots are read before segments');
    this.#ask({ kind: 'snapshot', file });
    this.#askAhead();
    for (;;) {
      const said = this.#next();
      if (said.kind === 'chunk') onChunk(bufferOf(said.chunk), said.survey);
      else if (said.kind === 'end') return { sequence: said.sequence, metadata: bufferOf(said.metadata) };
      else if (said.kind === 'damage') throw new DamagedJournalError(said.file, said.offset, said.finding);
      else if (said.kind === 'failure') throw said.error;
    }
  }

  /** They are asked for behind the snapshot, or with the first that is taken. */
  expect(files: readonly NamedFile[]): void {
    this.#expected = [...files];
  }

  take(file: NamedFile): ReadSegment | undefined {
    if (this.#expected[0]?.path !== file.path) return undefined;
    this.#askAhead();
    const said = this.#next();
    assert(said.kind === 'segment', 'a segment comes when segments are asked for');
    this.#expected.shift();
    this.#asked--;
    this.#askAhead();
    return said.read;
  }

  #askAhead(): void {
    for (; this.#asked < SEGMENTS_AHEAD_MAX; this.#asked++) {
      const file = this.#expected[this.#asked];
      if (file === undefined) return;
      this.#ask({ kind: 'segment', file });
    }
  }

  #ask(asked: Asked): void {
    this.#port.postMessage(asked);
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

/** Reads the files that the store worker asks for, until `port` is closed. */
export function serveRecovery({ port, said }: RecoveryHelperEnd, layer: FileLayer): void {
  const count = new Int32Array(said);
  const say: Say = (message, ...transferred) => {
    port.postMessage(message, transferred);
    Atomics.add(count, 0, 1);
    Atomics.notify(count, 0);
  };
  port.on('message', ({ kind, file }: Asked) => {
    if (kind === 'snapshot') sendSnapshot(file, layer, say);
    else sendSegment(file, layer, say);
  });
}

type Say = (message: Said, ...transferred: ArrayBuffer[]) => void;

function sendSnapshot(file: NamedFile, layer: FileLayer, say: Say): void {
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
}

function sendSegment(file: NamedFile, layer: FileLayer, say: Say): void {
  const read = readAhead(file, layer);
  if (read === undefined) say({ kind: 'segment', read });
  else say({ kind: 'segment', read }, read.bytes.buffer);
}

function bufferOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
