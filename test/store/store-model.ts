/**
 * The key space as one would first write it: a map of paths, looked through from end to end for everything. It shares
 * no code with the store, only the shape of a write.
 */
import { Flag, Op } from '../../src/protocol/command.ts';
import type { Write } from '../../src/store/store.ts';

export interface ModelNode {
  readonly value: string;
  readonly isDirectory: boolean;
  readonly createdIndex: number;
  readonly modifiedIndex: number;
  readonly expirationMs: number | undefined;
}

export type ModelOutcome =
  | { readonly code: number; readonly cause: string }
  | {
      readonly action: string;
      readonly index: number;
      readonly path: string;
      readonly node: ModelNode | undefined;
      readonly prevNode: ModelNode | undefined;
    };

const YEAR_2000_MS = Date.UTC(2000, 0, 1);

export class StoreModel {
  readonly nodes = new Map<string, ModelNode>();
  index = 1;

  write(write: Write): ModelOutcome {
    const { op, path } = write;
    if (op === Op.createInOrder) {
      return this.#create(write, `${path}/${String(this.index + 1).padStart(20, '0')}`, 'create');
    }
    if (path === '' && op !== Op.compareAndDelete) return { code: 107, cause: '/' };
    const node = this.nodes.get(path);
    const isRefresh = (write.flags & Flag.refresh) !== 0;
    if (op === Op.create) return this.#create(write, path, 'create');
    if (op === Op.set && node === undefined && !isRefresh) return this.#create(write, path, 'set');
    if (path !== '' && node === undefined) return this.#whyMissing(path);
    const isDirectory = node === undefined || node.isDirectory;
    if (op === Op.delete) return this.#delete(write, path, node as ModelNode);
    if (isDirectory) {
      const isUpdate = op === Op.update && write.value === '';
      return isUpdate ? this.#updateDirectory(write, path, node as ModelNode) : { code: 102, cause: path };
    }
    if (op === Op.set) return this.#replace(write, path, node);
    if (op === Op.update) return this.#overwrite(write, path, node, 'update');
    const cause = causesOfMismatch(write, node);
    if (cause !== '') return { code: 101, cause };
    if (op === Op.compareAndSwap) return this.#overwrite(write, path, node, 'compareAndSwap');
    return this.#remove(path, node, 'compareAndDelete');
  }

  tick(cutoffMs: number, eventsMax: number): number {
    let expired = 0;
    for (; expired < eventsMax; expired++) {
      const next = this.#soonest();
      if (next === undefined || next.atMs > cutoffMs) break;
      this.#remove(next.path, this.nodes.get(next.path) as ModelNode, 'expire');
    }
    return expired;
  }

  /** What a recursive, sorted listing shows: everything that is not in or under a hidden name. */
  visiblePaths(): string[] {
    return [...this.nodes.keys()].filter((path) => !path.includes('/_')).sort();
  }

  #create(write: Write, path: string, action: string): ModelOutcome {
    if (path === '') return { code: 107, cause: '/' };
    for (const above of ancestorsOf(path)) {
      if (this.nodes.get(above)?.isDirectory === false) return { code: 104, cause: above };
    }
    if (this.nodes.has(path)) return { code: 105, cause: path };
    this.index++;
    for (const above of ancestorsOf(path))
      if (!this.nodes.has(above)) this.nodes.set(above, this.#directory(undefined));
    const expirationMs = creationExpirationOf(write);
    const isDirectory = (write.flags & Flag.dir) !== 0;
    const node = isDirectory
      ? this.#directory(expirationMs)
      : { ...this.#directory(expirationMs), value: write.value, isDirectory };
    this.nodes.set(path, node);
    return { action, index: this.index, path, node, prevNode: undefined };
  }

  #replace(write: Write, path: string, prevNode: ModelNode): ModelOutcome {
    this.index++;
    const isDirectory = (write.flags & Flag.dir) !== 0;
    const isRefresh = (write.flags & Flag.refresh) !== 0;
    const value = isDirectory ? '' : isRefresh ? prevNode.value : write.value;
    const node = { ...this.#directory(creationExpirationOf(write)), value, isDirectory };
    this.nodes.set(path, node);
    return { action: 'set', index: this.index, path, node, prevNode };
  }

  #overwrite(write: Write, path: string, prevNode: ModelNode, action: string): ModelOutcome {
    this.index++;
    const value = (write.flags & Flag.refresh) !== 0 ? prevNode.value : write.value;
    const node = { ...prevNode, value, modifiedIndex: this.index, expirationMs: expirationOf(write) };
    this.nodes.set(path, node);
    return { action, index: this.index, path, node, prevNode };
  }

  /** etcd keeps the modifiedIndex of the directory. */
  #updateDirectory(write: Write, path: string, prevNode: ModelNode): ModelOutcome {
    this.index++;
    const node = { ...prevNode, expirationMs: expirationOf(write) };
    this.nodes.set(path, node);
    return { action: 'update', index: this.index, path, node, prevNode };
  }

  #delete(write: Write, path: string, node: ModelNode): ModelOutcome {
    const isRecursive = (write.flags & Flag.recursive) !== 0;
    if (node.isDirectory && !isRecursive) {
      if ((write.flags & Flag.dir) === 0) return { code: 102, cause: path };
      if (this.#below(path).length > 0) return { code: 108, cause: path };
    }
    return this.#remove(path, node, 'delete');
  }

  #remove(path: string, prevNode: ModelNode, action: string): ModelOutcome {
    this.index++;
    for (const below of this.#below(path)) this.nodes.delete(below);
    this.nodes.delete(path);
    return { action, index: this.index, path, node: undefined, prevNode };
  }

  #whyMissing(path: string): ModelOutcome {
    for (const above of ancestorsOf(path)) {
      const node = this.nodes.get(above);
      if (node === undefined) return { code: 100, cause: above };
      if (!node.isDirectory) return { code: 104, cause: above };
    }
    return { code: 100, cause: path };
  }

  #below(path: string): string[] {
    return [...this.nodes.keys()].filter((other) => other.startsWith(`${path}/`));
  }

  #soonest(): { path: string; atMs: number } | undefined {
    let soonest: { path: string; atMs: number; modifiedIndex: number } | undefined;
    for (const [path, { expirationMs, modifiedIndex }] of this.nodes) {
      if (expirationMs === undefined) continue;
      const isSooner =
        soonest === undefined ||
        expirationMs < soonest.atMs ||
        (expirationMs === soonest.atMs && modifiedIndex < soonest.modifiedIndex);
      if (isSooner) soonest = { path, atMs: expirationMs, modifiedIndex };
    }
    return soonest;
  }

  #directory(expirationMs: number | undefined): ModelNode {
    return { value: '', isDirectory: true, createdIndex: this.index, modifiedIndex: this.index, expirationMs };
  }
}

function ancestorsOf(path: string): string[] {
  const names = path.split('/').slice(1, -1);
  return names.map((_, position) => `/${names.slice(0, position + 1).join('/')}`);
}

function expirationOf(write: Write): number | undefined {
  return (write.flags & Flag.hasExpiration) === 0 ? undefined : write.expirationMs;
}

function creationExpirationOf(write: Write): number | undefined {
  const expirationMs = expirationOf(write);
  return expirationMs !== undefined && expirationMs < YEAR_2000_MS ? undefined : expirationMs;
}

function causesOfMismatch(write: Write, node: ModelNode): string {
  const causes: string[] = [];
  if (write.prevValue !== '' && write.prevValue !== node.value) causes.push(`[${write.prevValue} != ${node.value}]`);
  const hasIndex = (write.flags & Flag.hasPrevIndex) !== 0;
  if (hasIndex && write.prevIndex !== node.modifiedIndex) causes.push(`[${write.prevIndex} != ${node.modifiedIndex}]`);
  return causes.join(' ');
}
