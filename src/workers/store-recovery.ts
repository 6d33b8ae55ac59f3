/** Brings a store back from its directory: the newest snapshot, then the commands of the journal behind it. */
import { CommandReader } from '../frame/command-frame.ts';
import type { FileLayer } from '../journal/file-layer.ts';
import { recover } from '../journal/recovery.ts';
import { StoreReader } from '../store/snapshot-codec.ts';
import type { Store } from '../store/store.ts';
import { Applier } from './apply.ts';
import type { SnapshotHelper } from './snapshot-helper.ts';

export interface RecoveredState {
  /** Sequence of the last command. */
  readonly lastSequence: number;
  /** Sequence of the snapshot that it began with; 0 without one. */
  readonly snapshotSequence: number;
}

/**
 * @param store empty.
 * @param mustForce keeps what is valid before a damaged place and moves the rest aside, instead of refusing.
 * @param helper reads snapshots on another thread; without one they are read here.
 * Throws when the directory is damaged, or when replay does not reach the state that was.
 */
export function recoverStore(
  store: Store,
  directory: string,
  layer: FileLayer,
  mustForce: boolean,
  log: (text: string) => void,
  helper?: SnapshotHelper,
): RecoveredState {
  const reader = new StoreReader(store);
  const replayer = new Replayer(store);
  const { lastSequence, snapshotSequence } = recover(directory, layer, {
    force: mustForce,
    onSnapshotChunk: (chunk) => reader.chunk(chunk),
    readSnapshot: helper && ((file) => helper.read(file, (chunk, survey) => reader.chunk(chunk, survey))),
    onRecord: (_sequence, _timeMs, payload, offset, lengthBytes) => replayer.apply(payload, offset, lengthBytes),
    log,
  });
  replayer.finish();
  store.statistics.forgetGets();
  return { lastSequence, snapshotSequence };
}

/** Applies the payloads of records to a store that nobody uses yet. To be finished. */
export class Replayer {
  readonly #applier: Applier;
  readonly #command = new CommandReader();
  /** Records come by the thousand out of one buffer: its view is made once. */
  #bytes: Buffer | undefined;
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(store: Store) {
    this.#applier = new Applier(store);
  }

  apply(payload: Buffer, offset: number, lengthBytes: number): void {
    if (payload !== this.#bytes) {
      this.#bytes = payload;
      this.#view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    }
    this.#command.read(payload, this.#view, offset, lengthBytes);
    this.#applier.replay(this.#command);
  }

  finish(): void {
    this.#applier.finishReplay();
  }
}
