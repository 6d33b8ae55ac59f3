import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Report } from '../../native-bench/report/report.ts';
import { removeTemporary } from '../support/temporary-directory.ts';

/** A guard against hangs only: a minute alone, and several beside the other tests on a busy machine. */
const SMOKE_HANG_MS = 900_000;

const entry = fileURLToPath(new URL('../../native-bench/main.ts', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'uetcd-bench-test-'));
const jsonFile = join(directory, 'report.json');
const htmlFile = join(directory, 'report.html');

let run: ReturnType<typeof bench>;
let report: Report;

beforeAll(() => {
  run = bench('--smoke', '--port-base', '3200', '--json', jsonFile, '--html', htmlFile);
  if (run.status === 0) report = JSON.parse(readFileSync(jsonFile, 'utf8')) as Report;
}, SMOKE_HANG_MS);

afterAll(() => removeTemporary(directory));

test('a smoke run of every scenario succeeds', () => {
  expect(run.stdout + run.stderr).not.toContain('FAILED');
  expect(run.status).toBe(0);
});

test('the report states the machine, the options and the versions', () => {
  expect(report).toMatchObject({
    format: 1,
    machine: { cores: expect.any(Number), kernel: expect.any(String), node: process.versions.node },
    options: { rounds: 1, isSmoke: true },
  });
  expect(report.peers.map(({ name }) => name)).toEqual(expect.arrayContaining(['uetcd', 'bare-uws', 'node-http']));
  for (const { version } of report.peers) expect(version).toMatch(/^\d+\.\d+/);
});

test('every scenario has figures of uetcd, each with median and range', () => {
  expect(report.scenarios.length).toBeGreaterThan(25);
  for (const { name, results } of report.scenarios) {
    const own = results.filter(({ peer }) => peer.startsWith('uetcd'));
    expect(own.length, name).toBeGreaterThan(0);
    for (const { metrics } of own) {
      expect(metrics.length, name).toBeGreaterThan(0);
      for (const metric of metrics) {
        expect(metric.median, `${name} ${metric.name}`).toEqual(expect.any(Number));
        expect(metric.min).toBeLessThanOrEqual(metric.median);
        expect(metric.max).toBeGreaterThanOrEqual(metric.median);
      }
    }
  }
});

test('the page has a plot and a table for what was measured, and loads nothing', () => {
  const page = readFileSync(htmlFile, 'utf8');
  expect(page).toContain('<polyline');
  expect(page).toContain('set-64: set, 64 connections, one key');
  expect(page).not.toMatch(/<(script|link|img)/);
});

test('a report compared with itself shows no regression', () => {
  const compared = bench('--compare', jsonFile, jsonFile);
  expect(compared.stdout).toContain('0 worse beyond noise');
  expect(compared.status).toBe(0);
});

test('a report can be told of again from its file', () => {
  const told = bench('--from', jsonFile, '--targets');
  expect(run.stdout).toContain('set-64: set, 64 connections, one key');
  expect(told.stdout.startsWith(run.stdout)).toBe(true);
  expect(told.stdout.slice(run.stdout.length)).toMatch(/targets: \d+ met/);
  expect(told.status).toBe(0);
});

test('the micro benchmarks run and check what they time', () => {
  const micro = bench('--micro', '--smoke');
  expect(micro.stderr).toBe('');
  expect(micro.stdout).toContain('the store worker alone, through its rings');
  expect(micro.status).toBe(0);
});

test('an unknown scenario is refused with one line', () => {
  const refused = bench('no-such-scenario');
  expect(refused.stderr.trim()).toBe('no scenario matches no-such-scenario; --list shows them');
  expect(refused.status).toBe(1);
});

function bench(...benchArguments: string[]) {
  return spawnSync(process.execPath, ['--import', '@oxc-node/core/register', entry, ...benchArguments], {
    encoding: 'utf8',
  });
}
