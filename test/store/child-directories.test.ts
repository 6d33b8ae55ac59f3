import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Node } from '../../src/store/node.ts';
import { Store } from '../../src/store/store.ts';
import { UndoLog } from '../../src/store/undo-log.ts';
import { play, randomSteps } from './random-steps.ts';
import { reborn } from './store-fixture.ts';

/** Of each directory, those in it, and how many have any: as the tree says, and as its children say. */
function directoriesIn(store: Store) {
  const said: [string, string[]][] = [];
  const seen: [string, string[]][] = [];
  const look = (parent: Node): void => {
    const directories = store.tree.childrenOf(parent).filter(({ isDirectory }) => isDirectory);
    seen.push([parent.path, pathsOf(directories)]);
    said.push([parent.path, pathsOf(store.tree.directories.of(parent))]);
    for (const directory of directories) look(directory);
  };
  look(store.tree.root);
  const parents = seen.filter(([, directories]) => directories.length > 0).length;
  return {
    said: { directories: said, parents: store.tree.directories.parentsCount },
    seen: { directories: seen, parents },
  };
}

function pathsOf(nodes: Iterable<Node>): string[] {
  return [...nodes].map(({ path }): string => path).sort();
}

test('the directories in a directory are known whatever is written, undone or read from a snapshot', () => {
  fc.assert(
    fc.property(randomSteps(), randomSteps(30), (before, undone) => {
      const store = new Store(1000, true);
      store.undoLog = new UndoLog();
      play(store, before);
      const first = directoriesIn(store);
      expect(first.said).toEqual(first.seen);
      store.undoLog.trim(before.length);
      play(store, undone, before.length);
      const second = directoriesIn(store);
      expect(second.said).toEqual(second.seen);
      store.undoLog.rollBack(store);
      const third = directoriesIn(store);
      expect(third.said).toEqual(third.seen);
      const copy = directoriesIn(reborn(store));
      expect(copy.said).toEqual(copy.seen);
    }),
    { numRuns: 200 },
  );
});
