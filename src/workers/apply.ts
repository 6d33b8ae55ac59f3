/**
 * Applies a journaled command frame to a store: the one way by which state changes, shared by the store worker,
 * recovery and the snapshot job, so that the three cannot differ.
 */
import { assert } from '../base/assert.ts';
import { type CommandReader, ControlOp } from '../frame/command-frame.ts';
import { type AuthOp, isAuthWriteOp } from '../protocol/auth-request.ts';
import { Op } from '../protocol/command.ts';
import type { StoreEvent } from '../store/event.ts';
import type { Failure } from '../store/failure.ts';
import { ReplayedPast } from '../store/replayed-past.ts';
import { Security } from '../store/security.ts';
import type { AuthAnswer } from '../store/security-answers.ts';
import { hashOfPathBytes } from '../store/state-hash.ts';
import type { Store, Write } from '../store/store.ts';

export class Applier {
  readonly security: Security;
  readonly #store: Store;
  #past: ReplayedPast | undefined;
  /** One record for all writes: the store keeps none of it. */
  readonly #write: Write = {
    op: Op.get,
    flags: 0,
    path: '' as Write['path'],
    known: undefined,
    pathHash: undefined,
    value: '' as Write['path'],
    prevValue: '' as Write['path'],
    prevIndex: 0,
    expirationMs: 0,
    timeMs: 0,
  };

  constructor(store: Store) {
    this.#store = store;
    this.security = new Security(store);
  }

  /** Performs the request about users and roles that `command` stands at; reads, too, which leave all as it is. */
  auth(command: CommandReader): AuthAnswer {
    const { flags, path, value, timeMs } = command;
    return this.security.perform({ op: command.op as AuthOp, flags, name: path, value, timeMs });
  }

  /** Applies the write that `command` stands at. */
  write(command: CommandReader): StoreEvent | Failure {
    const { bytes, pathAt, pathSizeBytes } = command;
    const pathHash = hashOfPathBytes(bytes, pathAt, pathAt + pathSizeBytes);
    return this.#store.writeBytes(command.op as Op, command, pathHash) ?? this.#writeTexts(command, pathHash);
  }

  #writeTexts(command: CommandReader, pathHash: number): StoreEvent | Failure {
    const write = this.#write;
    write.op = command.op as Op;
    write.flags = command.flags;
    this.#lookUp(command, pathHash);
    write.value = command.value;
    write.prevValue = command.prevValue;
    write.prevIndex = command.prevIndex;
    write.expirationMs = command.expirationMs;
    write.timeMs = command.timeMs;
    const outcome = this.#store.write(write);
    write.known = undefined; // It may be gone, with all that is below it.
    return outcome;
  }

  /** A path that stands in the tree has its string there: to make another is a call into native code, and garbage. */
  #lookUp(command: CommandReader, pathHash: number): void {
    const write = this.#write;
    const known = this.#store.tree.nodeAt(command, pathHash);
    write.pathHash = pathHash;
    write.known = known;
    write.path = known === undefined ? command.path : known.path;
  }

  /**
   * Applies any journaled command to a store that nobody uses yet: a write, a tick, or a checkpoint, at which the state must be what it was.
   * The history has all events only after `finishReplay`.
   */
  replay(command: CommandReader): void {
    if (command.op === Op.set && this.#replaySet(command)) return;
    switch (command.op) {
      case ControlOp.tick:
        this.#store.tick(command.timeMs, command.tickEventsMax);
        return;
      case ControlOp.checkpoint:
        assert(
          command.stateHash === this.#store.stateHash,
          `replay reaches the state hash of the checkpoint (${command.stateHash}), not ${this.#store.stateHash}`,
        );
        return;
      default:
        if (isAuthWriteOp(command.op)) this.auth(command);
        else this.write(command);
    }
  }

  finishReplay(): void {
    this.#past?.finish(this.#store.history, this.#store.index);
    this.#past = undefined;
  }

  #replaySet(command: CommandReader): boolean {
    const { bytes, pathAt, pathSizeBytes } = command;
    this.#past ??= new ReplayedPast(this.#store.history.capacity);
    return this.#store.replaySet(command, hashOfPathBytes(bytes, pathAt, pathAt + pathSizeBytes), this.#past);
  }
}

/** Whether a frame changes the state, so that it is counted and journaled. */
export function isWriteOp(op: number): boolean {
  return op >= Op.set && op <= Op.compareAndDelete;
}
