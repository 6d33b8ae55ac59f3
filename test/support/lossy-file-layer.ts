/**
 * A disk in memory that knows the difference between written and durable.
 *
 *   file        current contents, which reads see · durable contents · the writes and truncations in between
 *   directory   current names, which lookups see · durable names · the changes in between (a rename is one change)
 *
 * `fdatasync` and `fsync` make a file's contents durable, `fsyncDirectory` a directory's names; neither does the
 * other's work. At a crash, of everything in between a random part survives: of the changes of names any subset, and
 * of each write all, nothing, a beginning, an end, any of its sectors or any of its bytes, so that a later write may be there
 * and an earlier one not. What was never written reads as zeros; a file may have grown without its contents.
 *
 * A crash can be set to happen at any operation; from then on every call throws SimulatedCrash.
 */
import { basename, dirname } from 'node:path';
import type { FileLayer, OpenFlags } from '../../src/journal/file-layer.ts';
import type { SeededRandom } from './seeded-random.ts';

const SECTOR_SIZE_BYTES = 512;
const NEVER = Number.POSITIVE_INFINITY;

export class SimulatedCrash extends Error {}

type Change =
  | { readonly kind: 'write'; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly sizeBytes: number };

class Contents {
  bytes = Buffer.alloc(0);

  apply(change: Change): void {
    if (change.kind === 'write') this.write(change.at, change.bytes);
    else this.resize(change.sizeBytes);
  }

  write(at: number, bytes: Buffer): void {
    if (at + bytes.length > this.bytes.length) this.resize(at + bytes.length);
    bytes.copy(this.bytes, at);
  }

  resize(sizeBytes: number): void {
    const resized = Buffer.alloc(sizeBytes);
    this.bytes.copy(resized);
    this.bytes = resized;
  }
}

class LossyFile {
  readonly current = new Contents();
  readonly durable = new Contents();
  pending: Change[] = [];
  links = 0;

  change(change: Change): void {
    this.current.apply(change);
    this.pending.push(change);
  }

  sync(): void {
    for (const change of this.pending) this.durable.apply(change);
    this.pending = [];
  }

  crash(random: SeededRandom): void {
    for (const change of this.pending) {
      if (change.kind === 'write') survive(this.durable, change.at, change.bytes, random);
      else if (random.chance(0.5)) this.durable.apply(change);
    }
    this.pending = [];
    this.current.bytes = Buffer.from(this.durable.bytes);
  }
}

type Entry = LossyFile | LossyDirectory;

class LossyDirectory {
  current = new Map<string, Entry>();
  readonly durable = new Map<string, Entry>();
}

interface NameChange {
  readonly directory: LossyDirectory;
  readonly name: string;
  /** undefined: the name goes away. */
  readonly entry: Entry | undefined;
}

export class LossyFileLayer implements FileLayer {
  readonly #random: SeededRandom;
  readonly #root = new LossyDirectory();
  #files = new Map<number, LossyFile>();
  #pendingNames: NameChange[][] = [];
  #lastDescriptor = 2;
  #isCrashed = false;
  #syncsUntilLost = NEVER;
  /** How many operations have been asked for. */
  operationCount = 0;
  /** The operation that does not return. */
  crashAtOperation = Number.POSITIVE_INFINITY;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  /** The power goes and comes back: what was not durable survives in part. */
  restart(): void {
    for (const changes of this.#pendingNames) if (this.#random.chance(0.5)) applyDurably(changes);
    this.#pendingNames = [];
    this.#restore(this.#root);
    this.restartProcess();
  }

  /** Only the process ends: the page cache stays, and nothing is durable that was not. */
  restartProcess(): void {
    this.#files = new Map();
    this.#isCrashed = false;
    this.#syncsUntilLost = NEVER;
    this.operationCount = 0;
    this.crashAtOperation = Number.POSITIVE_INFINITY;
  }

  /** A sync of a file fails with EIO, and leaves its pages in the cache as if they had been written. */
  loseSync(afterSyncs: number): void {
    this.#syncsUntilLost = afterSyncs;
  }

  open(path: string, flags: OpenFlags): number {
    return this.#operate(() => {
      const directory = this.#directory(dirname(path));
      let file = directory.current.get(basename(path));
      if (file instanceof LossyDirectory) throw systemError('EISDIR', path);
      if (file === undefined) {
        if (flags !== 'w+') throw systemError('ENOENT', path);
        file = new LossyFile();
        this.#changeNames([{ directory, name: basename(path), entry: file }]);
      } else if (flags === 'w+') file.change({ kind: 'truncate', sizeBytes: 0 });
      this.#files.set(++this.#lastDescriptor, file);
      return this.#lastDescriptor;
    });
  }

  read(fd: number, buffer: Buffer, offset: number, lengthBytes: number, position: number): number {
    return this.#operate(() => this.#file(fd).current.bytes.copy(buffer, offset, position, position + lengthBytes));
  }

  write(fd: number, buffer: Buffer, offset: number, lengthBytes: number, position: number): number {
    return this.#operate(() => {
      const bytes = Buffer.from(buffer.subarray(offset, offset + lengthBytes));
      this.#file(fd).change({ kind: 'write', at: position, bytes });
      return lengthBytes;
    });
  }

  fdatasync(fd: number): void {
    this.#operate(() => {
      const file = this.#file(fd);
      if (this.#syncsUntilLost-- !== 0) return file.sync();
      file.pending = file.pending.filter(({ kind }) => kind === 'truncate');
      throw systemError('EIO', 'fdatasync');
    });
  }

  fsync(fd: number): void {
    this.fdatasync(fd);
  }

  fsyncDirectory(path: string): void {
    this.#operate(() => {
      const directory = this.#directory(path);
      const isConcerned = (changes: NameChange[]) => changes.some((change) => change.directory === directory);
      for (const changes of this.#pendingNames.filter(isConcerned)) applyDurably(changes);
      this.#pendingNames = this.#pendingNames.filter((changes) => !isConcerned(changes));
    });
  }

  truncate(fd: number, sizeBytes: number): void {
    this.#operate(() => this.#file(fd).change({ kind: 'truncate', sizeBytes }));
  }

  close(fd: number): void {
    this.#files.delete(fd);
  }

  rename(from: string, to: string): void {
    this.#operate(() => {
      const source = this.#directory(dirname(from));
      const entry = source.current.get(basename(from));
      if (entry === undefined) throw systemError('ENOENT', from);
      this.#changeNames([
        { directory: source, name: basename(from), entry: undefined },
        { directory: this.#directory(dirname(to)), name: basename(to), entry },
      ]);
    });
  }

  unlink(path: string): void {
    this.#operate(() => {
      const directory = this.#directory(dirname(path));
      if (!directory.current.has(basename(path))) throw systemError('ENOENT', path);
      this.#changeNames([{ directory, name: basename(path), entry: undefined }]);
    });
  }

  readdir(path: string): string[] {
    return this.#operate(() => [...this.#directory(path).current.keys()]);
  }

  mkdir(path: string): string | undefined {
    return this.#operate(() => this.#makeDirectory(path));
  }

  sizeBytes(fd: number): number {
    return this.#operate(() => this.#file(fd).current.bytes.length);
  }

  isDeleted(fd: number): boolean {
    return this.#operate(() => this.#file(fd).links === 0);
  }

  /** What a file holds now, to be looked at or tampered with. It is the durable contents too. */
  contents(path: string): Buffer {
    const file = this.#directory(dirname(path)).current.get(basename(path));
    if (!(file instanceof LossyFile)) throw systemError('ENOENT', path);
    file.sync();
    return Buffer.from(file.current.bytes);
  }

  /** Puts a file into the place, durably. */
  place(path: string, bytes: Buffer): void {
    const file = new LossyFile();
    file.change({ kind: 'write', at: 0, bytes });
    file.sync();
    this.#makeDirectory(dirname(path));
    const change = { directory: this.#directory(dirname(path)), name: basename(path), entry: file };
    this.#changeNames([change]);
    for (const changes of this.#pendingNames) applyDurably(changes);
    this.#pendingNames = [];
  }

  #operate<T>(operation: () => T): T {
    if (this.#isCrashed) throw new SimulatedCrash('the machine is off');
    if (this.operationCount++ < this.crashAtOperation) return operation();
    this.#isCrashed = true;
    // The power may go while the disk is at it: then the operation has left something, and nobody has seen it return.
    if (this.#random.chance(0.5)) operation();
    throw new SimulatedCrash('the power has gone');
  }

  #makeDirectory(path: string): string | undefined {
    if (path === '/') return undefined;
    const uppermost = this.#makeDirectory(dirname(path));
    const directory = this.#directory(dirname(path));
    if (directory.current.has(basename(path))) return uppermost;
    this.#changeNames([{ directory, name: basename(path), entry: new LossyDirectory() }]);
    return uppermost ?? path;
  }

  #changeNames(changes: NameChange[]): void {
    for (const { directory, name, entry } of changes) {
      const before = directory.current.get(name);
      if (before instanceof LossyFile) before.links--;
      if (entry === undefined) directory.current.delete(name);
      else directory.current.set(name, entry);
      if (entry instanceof LossyFile) entry.links++;
    }
    this.#pendingNames.push(changes);
  }

  #restore(directory: LossyDirectory): void {
    directory.current = new Map(directory.durable);
    for (const entry of directory.current.values()) {
      if (entry instanceof LossyDirectory) this.#restore(entry);
      else {
        entry.crash(this.#random);
        entry.links = 1;
      }
    }
  }

  #directory(path: string): LossyDirectory {
    if (path === '/') return this.#root;
    const directory = this.#directory(dirname(path)).current.get(basename(path));
    if (!(directory instanceof LossyDirectory)) throw systemError('ENOENT', path);
    return directory;
  }

  #file(fd: number): LossyFile {
    const file = this.#files.get(fd);
    if (file === undefined) throw systemError('EBADF', String(fd));
    return file;
  }
}

/** A system call's failure, as node:fs throws it. */
export function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: simulated, ${what}`), { code });
}

function applyDurably(changes: readonly NameChange[]): void {
  for (const { directory, name, entry } of changes) {
    if (entry === undefined) directory.durable.delete(name);
    else directory.durable.set(name, entry);
  }
}

/** Applies what the crash has left of a write. */
function survive(durable: Contents, at: number, bytes: Buffer, random: SeededRandom): void {
  const cut = random.below(bytes.length + 1);
  switch (random.oneOf(['all', 'nothing', 'grown', 'beginning', 'end', 'sectors', 'bytes'])) {
    case 'all':
      durable.write(at, bytes);
      return;
    case 'grown':
      if (at + bytes.length > durable.bytes.length) durable.resize(at + bytes.length);
      return;
    case 'beginning':
      durable.write(at, bytes.subarray(0, cut));
      return;
    case 'end':
      durable.write(at + cut, bytes.subarray(cut));
      return;
    case 'sectors':
      survivePieces(durable, at, bytes, SECTOR_SIZE_BYTES, random);
      return;
    case 'bytes':
      survivePieces(durable, at, bytes, 1, random);
  }
}

/** Pieces end where the file's position is a multiple of their size. */
function survivePieces(durable: Contents, at: number, bytes: Buffer, sizeBytes: number, random: SeededRandom): void {
  const share = random.next();
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, from + sizeBytes - ((at + from) % sizeBytes));
    if (random.chance(share)) durable.write(at + from, bytes.subarray(from, to));
    from = to;
  }
}
