/** The line that says how far we are. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Progress } from '../../src/transfer/progress.ts';

function terminal(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
}

test('on a terminal, a line tells how many of how many, how fast, and for how long; then it goes', async () => {
  const screen = terminal(true);
  const progress = new Progress(screen, 2_000);
  await sleep(300);
  progress.report(1_000);
  progress.clear();
  expect(screen.written).toHaveLength(2);
  expect(screen.written[0]).toMatch(/1,000 of 2,000 keys and directories, [\d,]+\/s, \d+ s$/);
  expect(screen.written[1]).toBe('\r\x1b[K');
});

test('it is written now and then only', async () => {
  const screen = terminal(true);
  const progress = new Progress(screen);
  await sleep(300);
  for (let count = 0; count < 1_000; count++) progress.report(count);
  expect(screen.written.length).toBeLessThan(1_000);
  expect(screen.written[0]).toMatch(/0 keys and directories, /);
});

test('where there is no terminal, nothing is written', async () => {
  const file = terminal(false);
  const progress = new Progress(file);
  await sleep(300);
  progress.report(1);
  progress.clear();
  expect(file.written).toEqual([]);
});
