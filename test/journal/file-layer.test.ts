import { closeSync, linkSync, openSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { nodeFileLayer } from '../../src/journal/file-layer.ts';
import { temporaryDirectory } from './journal-fixture.ts';

function openFile(name = 'a'): { fd: number; path: string } {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, 'x');
  const fd = openSync(path, 'r+');
  onTestFinished(() => closeSync(fd));
  return { fd, path };
}

describe.skipIf(process.platform === 'win32')('an open file', () => {
  test('is deleted when its only name is gone', () => {
    const { fd, path } = openFile();
    expect(nodeFileLayer.isDeleted(fd)).toBe(false);
    unlinkSync(path);
    expect(nodeFileLayer.isDeleted(fd)).toBe(true);
  });

  test('is not deleted while it has another name', () => {
    const { fd, path } = openFile();
    linkSync(path, `${path}-too`);
    unlinkSync(path);
    expect(nodeFileLayer.isDeleted(fd)).toBe(false);
    unlinkSync(`${path}-too`);
    expect(nodeFileLayer.isDeleted(fd)).toBe(true);
  });

  test('is not deleted when it has moved, and is when another has taken its name', () => {
    const { fd, path } = openFile();
    renameSync(path, `${path}-moved`);
    expect(nodeFileLayer.isDeleted(fd)).toBe(false);
    writeFileSync(path, 'another');
    renameSync(path, `${path}-moved`);
    expect(nodeFileLayer.isDeleted(fd)).toBe(true);
  });

  test('is not deleted because of what it is called', () => {
    const { fd, path } = openFile('a (deleted)');
    expect(nodeFileLayer.isDeleted(fd)).toBe(false);
    unlinkSync(path);
    expect(nodeFileLayer.isDeleted(fd)).toBe(true);
  });
});
