import { describe, expect, test } from 'vitest';
import { byteStringOf } from '../../../src/base/byte-string.ts';
import { SlowRequests } from '../../../src/front/exchange/slow-requests.ts';

/** Lines said, and a clock that stands still until it is moved. */
function aRig() {
  const clock = { nowMs: 5_000 };
  const lines: object[] = [];
  const slow = new SlowRequests(
    (fields, text) => lines.push({ ...fields, text }),
    () => clock.nowMs,
  );
  const note = (path = '/a') => slow.note('PUT', byteStringOf(path), 200, 1234.56, false);
  return { clock, lines, slow, note };
}

describe('a slow request', () => {
  test('gets one line, with what it was and how it ended', () => {
    const { lines, slow } = aRig();
    slow.note('GET', byteStringOf('/é'), 404, 1234.56, false);
    slow.note('PUT', byteStringOf(''), 201, 2000, true);
    expect(lines).toEqual([
      { method: 'GET', path: '/é', status: 404, tookMs: 1234.6, text: 'slow request' },
      { method: 'PUT', path: '', status: 201, clientIsGone: true, tookMs: 2000, text: 'slow request' },
    ]);
  });

  test('with a long path shows its beginning and its end', () => {
    const { lines, note } = aRig();
    note(`/begin/${'x'.repeat(100_000)}/end`);
    expect(lines).toEqual([expect.objectContaining({ path: expect.stringMatching(/^\/begin\/x+…x+\/end$/) })]);
    expect((lines[0] as { path: string }).path.length).toBeLessThan(130);
  });

  test('among very many is left out; the next line after the second tells how many were', () => {
    const { clock, lines, note } = aRig();
    for (let count = 0; count < 500; count++) note();
    expect(lines).toHaveLength(10);
    clock.nowMs += 999;
    note();
    expect(lines).toHaveLength(10);
    clock.nowMs += 1;
    note();
    note();
    expect(lines).toHaveLength(12);
    expect(lines[10]).toMatchObject({ othersNotTold: 491 });
    expect(lines[11]).not.toHaveProperty('othersNotTold');
  });
});
