/** What front ends are told of users, roles and the switch, so that each can keep a copy and judge by it. */
import type { ByteString } from '../base/byte-string.ts';
import type { Security } from './security.ts';
import type { Store } from './store.ts';

export interface SecurityNews {
  /** Whether this is all there is, and not what has changed. */
  readonly isWhole: boolean;
  /** Paths in the vault, and what stands there; `null` where nothing stands any more. In order. */
  readonly nodes: readonly (readonly [path: ByteString, value: ByteString | null])[];
}

/** All there is, as JSON. */
export function wholeNews(security: Security): string {
  const nodes = security.nodes().map(({ path, value }) => [path, value] as const);
  return renderNews({ isWhole: true, nodes });
}

/** What the events behind `lastIndex` have changed, as JSON; undefined when the history has lost some of them. */
export function newsSince(lastIndex: number, { history }: Store): string | undefined {
  if (history.firstIndex > lastIndex + 1) return undefined;
  const nodes: [ByteString, ByteString | null][] = [];
  for (let index = lastIndex + 1; index <= history.lastIndex; index++) {
    const { node, subject } = history.at(index);
    if (!subject.isDirectory) nodes.push([subject.path, node === undefined ? null : node.value]);
  }
  return renderNews({ isWhole: false, nodes });
}

function renderNews(news: SecurityNews): string {
  return JSON.stringify(news);
}
