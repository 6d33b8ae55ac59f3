/** API document: "Atomic Compare-and-Swap" and "Atomic Compare-and-Delete". */
import { describe, expect } from 'vitest';
import { line, apiTest as test } from '../support/api-test.ts';

describe('compare and swap', () => {
  test('prevExist=false creates, and only creates', async ({ api }) => {
    const created = await api.put('/foo?prevExist=false', 'value=one');
    expect(created.status).toBe(201);
    expect(created.text).toBe(
      line({ action: 'create', node: { key: '/foo', value: 'one', modifiedIndex: 2, createdIndex: 2 } }),
    );
    const refused = await api.put('/foo?prevExist=false', 'value=three');
    expect(refused.status).toBe(412);
    expect(refused.text).toBe('{"errorCode":105,"message":"Key already exists","cause":"/foo","index":2}\n');
  });

  test('prevExist=true needs the key', async ({ api }) => {
    const refused = await api.put('/foo?prevExist=true', 'value=one');
    expect(refused.status).toBe(404);
    expect(refused.text).toBe('{"errorCode":100,"message":"Key not found","cause":"/foo","index":1}\n');
  });

  test('swaps when the value is as expected', async ({ api }) => {
    await api.put('/foo', 'value=one');
    const swapped = await api.put('/foo?prevValue=one', 'value=two');
    expect(swapped.status).toBe(200);
    expect(swapped.text).toBe(
      line({
        action: 'compareAndSwap',
        node: { key: '/foo', value: 'two', modifiedIndex: 3, createdIndex: 2 },
        prevNode: { key: '/foo', value: 'one', modifiedIndex: 2, createdIndex: 2 },
      }),
    );
  });

  test.for([
    ['prevValue=two', '[two != one]'],
    ['prevIndex=9', '[9 != 2]'],
    ['prevValue=two&prevIndex=9', '[two != one] [9 != 2]'],
    ['prevValue=one&prevIndex=9', '[9 != 2]'],
    ['prevValue=two&prevIndex=2', '[two != one]'],
  ] as const)('over "one" at index 2, expecting %s, fails: %s', async ([expecting, cause], { api }) => {
    await api.put('/foo', 'value=one');
    const text = line({ errorCode: 101, message: 'Compare failed', cause, index: 2 });
    const [swap, deletion] = [await api.put(`/foo?${expecting}`, 'value=x'), await api.delete(`/foo?${expecting}`)];
    expect([swap.status, swap.text]).toEqual([412, text]);
    expect([deletion.status, deletion.text]).toEqual([412, text]);
    expect((await api.get('/foo')).text).toContain('"value":"one"');
  });

  test.for(['prevIndex=2', 'prevValue=one&prevIndex=2', 'prevValue=one&prevIndex=0', 'prevExist=true&prevValue=one'])(
    'over "one" at index 2, expecting %s, swaps',
    async (expecting, { api }) => {
      await api.put('/foo', 'value=one');
      expect((await api.put(`/foo?${expecting}`, 'value=two')).text).toContain('"action":"compareAndSwap"');
    },
  );

  test('prevIndex of the whole 64 bits is compared exactly', async ({ api }) => {
    await api.put('/foo', 'value=one');
    const answer = await api.put('/foo?prevIndex=18446744073709551615', 'value=two');
    expect(JSON.parse(answer.text).cause).toBe('[18446744073709551615 != 2]');
  });

  test('compares bytes, not text', async ({ api }) => {
    await api.put('/foo', 'value=%ff');
    expect((await api.put('/foo?prevValue=%fe', 'value=x')).status).toBe(412);
    expect((await api.put('/foo?prevValue=%ff', 'value=x')).status).toBe(200);
  });

  test('of 64 clients swapping from the same value exactly one wins', async ({ api }) => {
    await api.put('/lock', 'value=free');
    const swaps = Array.from({ length: 64 }, (_, client) =>
      fetch(`${api.url}/v2/keys/lock?prevValue=free&value=${client}`, { method: 'PUT' }).then(async (answer) => {
        await answer.text();
        return answer.status;
      }),
    );
    const statuses = await Promise.all(swaps);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(63);
  });
});

describe('compare and delete', () => {
  test.for(['prevValue=one', 'prevIndex=2', 'prevValue=one&prevIndex=2'])(
    'over "one" at index 2, expecting %s, deletes',
    async (expecting, { api }) => {
      await api.put('/foo', 'value=one');
      const deleted = await api.delete(`/foo?${expecting}`);
      expect(deleted.status).toBe(200);
      expect(deleted.text).toBe(
        line({
          action: 'compareAndDelete',
          node: { key: '/foo', modifiedIndex: 3, createdIndex: 2 },
          prevNode: { key: '/foo', value: 'one', modifiedIndex: 2, createdIndex: 2 },
        }),
      );
    },
  );

  test('a missing key is not found, a directory is not a file', async ({ api }) => {
    await api.put('/d', 'dir=true');
    expect((await api.delete('/missing?prevValue=x')).text).toContain('"errorCode":100');
    expect((await api.delete('/d?prevIndex=2&recursive=true')).text).toContain('"errorCode":102');
    expect((await api.delete('?prevValue=x')).text).toBe('{"errorCode":102,"message":"Not a file","index":2}\n');
  });
});
