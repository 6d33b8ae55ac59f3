/**
 * What one connection asks for, one request after the other, and what it expects to read in the answer. Sources are
 * deterministic: a seed and the connection's number fix every request.
 */
import type { Dialect } from './dialect.ts';
import { Random } from './random.ts';

/** `fill` sets each key once and then stops; every other kind goes on for ever. */
export type RequestKind = 'set' | 'get' | 'mixed' | 'swap' | 'in-order' | 'fill';

export interface RequestPlan {
  readonly kind: RequestKind;
  /** How many keys; 1 means the one key `/bench/key`. */
  readonly keyCount: number;
  /** All in one directory instead of three levels deep. */
  readonly isFlat?: boolean;
  readonly valueSizeBytes: number;
  /** The value is a JSON document, as most are that real clients write: a set of one key only. */
  readonly isDocument?: boolean;
  /** The life that a set gives, of one of several keys only; none when absent. */
  readonly ttlSeconds?: number | undefined;
  readonly seed: number;
  /** Where the keys live; `/bench` when absent. */
  readonly root?: string;
}

export interface RequestSource {
  /** The next request; undefined when there is nothing left to ask. */
  next(): string | undefined;
  /** Whether the request last returned raises the index. */
  readonly isWrite: boolean;
  /** What the body of the answer to it must contain. */
  readonly expected: string;
}

/** Of a hundred requests of the mixed kind, so many read. */
const READS_PER_HUNDRED = 80;

/** A source for each of so many connections. */
export function createSources(plan: RequestPlan, dialect: Dialect, connectionCount: number): RequestSource[] {
  const sources: RequestSource[] = [];
  const shared = { nextKey: 0 };
  for (let connection = 0; connection < connectionCount; connection++)
    sources.push(createSource(plan, dialect, connection, shared));
  return sources;
}

export function keyAt(index: number, plan: Pick<RequestPlan, 'keyCount' | 'isFlat' | 'root'>): string {
  const root = plan.root ?? '/bench';
  if (plan.isFlat) return `${root}/${index}`;
  return plan.keyCount === 1 ? `${root}/key` : `${root}/${index >> 11}/${(index >> 5) & 63}/${index & 31}`;
}

/** A value of exactly this size that begins with the name, and can be told from one with another name. */
function paddedValue(name: string, sizeBytes: number): string {
  return `${name}.`.padEnd(sizeBytes, 'x').slice(0, Math.max(sizeBytes, name.length + 1));
}

/** What a key has that is only filled and read: a get of one key finds it unchanged. */
function filledValue(sizeBytes: number): string {
  return paddedValue('fill', sizeBytes);
}

/** Of a key that others may have set since; a directory has none. */
function withSomeValue(key: string): string {
  return `"key":"${key}","value":"`;
}

function createSource(
  plan: RequestPlan,
  dialect: Dialect,
  connection: number,
  shared: { nextKey: number },
): RequestSource {
  const value = paddedValue(`c${connection}`, plan.valueSizeBytes);
  const random = new Random(plan.seed + connection);
  const pickKey = () => keyAt(random.below(plan.keyCount), plan);
  switch (plan.kind) {
    case 'set':
      if (plan.isDocument) {
        if (plan.keyCount !== 1) throw new RangeError('documents are written to one key only');
        const text = documentOf(connection, plan.valueSizeBytes);
        return constantSource(dialect.setText(pickKey(), text), true, `"value":${JSON.stringify(text)}`);
      }
      return plan.keyCount === 1
        ? constantSource(dialect.set(pickKey(), value), true, `"value":"${value}"`)
        : keyedSource(dialect.setEach(value, plan.ttlSeconds), pickKey, true, value);
    case 'get':
      return plan.keyCount === 1
        ? constantSource(dialect.get(pickKey()), false, `"value":"${filledValue(plan.valueSizeBytes)}"`)
        : keyedSource((key) => dialect.get(key), pickKey, false, '');
    case 'mixed':
      return mixedSource(dialect, pickKey, value, new Random(~plan.seed - connection));
    case 'swap':
      return swapSource(dialect, `${plan.root ?? '/bench'}/own/${connection}`, value);
    case 'in-order':
      return constantSource(dialect.createInOrder(`${plan.root ?? '/bench'}/queue`, value), true, `"value":"${value}"`);
    case 'fill':
      return fillSource(plan, dialect, shared);
  }
}

/** Like what Patroni keeps of each member; a large one is of many. */
function documentOf(connection: number, sizeBytes: number): string {
  const member = {
    conn_url: `postgres://10.0.0.${connection}:5432/postgres`,
    state: 'running',
    role: 'master',
    xlog: 67108864,
  };
  const { length } = JSON.stringify({ ...member, tags: '' });
  if (sizeBytes > 4 * length)
    return JSON.stringify(Array(Math.round(sizeBytes / length)).fill({ ...member, tags: '' }));
  return JSON.stringify({ ...member, tags: 'x'.repeat(Math.max(0, sizeBytes - length)) });
}

function constantSource(request: string, isWrite: boolean, expected: string): RequestSource {
  return { next: () => request, isWrite, expected };
}

function keyedSource(
  build: (key: string) => string,
  pickKey: () => string,
  isWrite: boolean,
  value: string,
): RequestSource {
  let key = '';
  return {
    isWrite,
    get expected() {
      return value === '' ? withSomeValue(key) : `"key":"${key}","value":"${value}"`;
    },
    next() {
      key = pickKey();
      return build(key);
    },
  };
}

function mixedSource(dialect: Dialect, pickKey: () => string, value: string, coin: Random): RequestSource {
  const set = dialect.setEach(value);
  const source = {
    isWrite: false,
    expected: '',
    next() {
      const key = pickKey();
      source.isWrite = coin.below(100) >= READS_PER_HUNDRED;
      source.expected = source.isWrite ? `"key":"${key}","value":"${value}"` : withSomeValue(key);
      return source.isWrite ? set(key) : dialect.get(key);
    },
  };
  return source;
}

/** Swaps one value for the other and back, each time expecting the one it wrote before. */
function swapSource(dialect: Dialect, key: string, value: string): RequestSource {
  const other = value.replace('c', 'd');
  const there = dialect.swap(key, other, value);
  const back = dialect.swap(key, value, other);
  let turn = 0;
  const source = {
    isWrite: true,
    expected: '',
    next() {
      const request = turn === 0 ? dialect.set(key, value) : turn % 2 === 1 ? there : back;
      source.expected = `"value":"${turn % 2 === 1 ? other : value}"`;
      turn++;
      return request;
    },
  };
  return source;
}

/** All connections together fill the keys, each key once. */
function fillSource(plan: RequestPlan, dialect: Dialect, shared: { nextKey: number }): RequestSource {
  const set = dialect.setEach(filledValue(plan.valueSizeBytes));
  const source = {
    isWrite: true,
    expected: '',
    next() {
      if (shared.nextKey >= plan.keyCount) return undefined;
      const key = keyAt(shared.nextKey++, plan);
      source.expected = `"key":"${key}"`;
      return set(key);
    },
  };
  return source;
}
