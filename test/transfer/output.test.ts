/** A file has its name only when it is whole. */
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FileOutput } from '../../src/transfer/output.ts';
import { fileIn, transferTest } from './transfer-fixture.ts';

transferTest('what is whole replaces what was there, for its owner only', async ({ directory }) => {
  const file = fileIn(directory);
  writeFileSync(file, 'old');
  const output = new FileOutput(file);
  await output.write(Buffer.from('new '));
  await output.write(Buffer.from('contents'));
  expect(readFileSync(file, 'utf8')).toBe('old');
  await output.finish();
  expect(readFileSync(file, 'utf8')).toBe('new contents');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(['keys.jsonl']);
});

transferTest('what is given up leaves nothing, and what was there', async ({ directory }) => {
  const file = fileIn(directory);
  writeFileSync(file, 'old');
  const output = new FileOutput(file);
  await output.write(Buffer.from('half'));
  output.abandon();
  expect(readFileSync(file, 'utf8')).toBe('old');
  expect(readdirSync(directory)).toEqual(['keys.jsonl']);
});

transferTest('a link stays, and leads to the new file', async ({ directory }) => {
  writeFileSync(join(directory, 'real'), 'old');
  symlinkSync('real', fileIn(directory));
  const output = new FileOutput(fileIn(directory));
  await output.write(Buffer.from('new'));
  await output.finish();
  expect(readFileSync(join(directory, 'real'), 'utf8')).toBe('new');
});

transferTest('what is not a file is not replaced', ({ directory }) => {
  mkdirSync(fileIn(directory));
  expect(() => new FileOutput(fileIn(directory))).toThrow('is not a file');
  expect(() => new FileOutput('/dev/null')).toThrow('is not a file');
  expect(() => new FileOutput(join(directory, 'nowhere/keys.jsonl'))).toThrow('ENOENT');
});
