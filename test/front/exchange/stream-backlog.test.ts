import { describe, expect, test } from 'vitest';
import { StreamBacklog } from '../../../src/front/exchange/stream-backlog.ts';
import { FakeResponse } from '../fake-response.ts';

const piece = (text: string) => Buffer.from(text);

describe('a backlog', () => {
  test('keeps pieces in order until the socket takes them, and stops where it is full again', () => {
    const response = new FakeResponse();
    const backlog = new StreamBacklog(response.asResponse, 100);
    for (const text of ['one ', 'two ', 'three ']) expect(backlog.add(piece(text))).toBe(true);
    expect(response.written).toEqual([]);

    response.writeResults.push(true, false);
    backlog.drain();
    expect(response.written).toEqual(['one ', 'two ']);
    expect(backlog.isDrained).toBe(false);

    backlog.add(piece('four'));
    backlog.drain();
    expect(response.body).toBe('one two three four');
    expect(backlog.isDrained).toBe(true);
  });

  test('whose last piece has filled the socket is not drained', () => {
    const response = new FakeResponse();
    const backlog = new StreamBacklog(response.asResponse, 100);
    backlog.add(piece('one'));
    response.writeResults.push(false);
    backlog.drain();
    expect(backlog.isDrained).toBe(false);
    backlog.drain();
    expect(backlog.isDrained).toBe(true);
  });

  test('is not drained before the socket has said so, nor after a stall', () => {
    const backlog = new StreamBacklog(new FakeResponse().asResponse, 100);
    expect(backlog.isDrained).toBe(false);
    backlog.drain();
    expect(backlog.isDrained).toBe(true);
    backlog.stall();
    expect(backlog.isDrained).toBe(false);
  });

  test('hands over no more at a time than a cork holds, and goes on within a piece', () => {
    const response = new FakeResponse();
    const backlog = new StreamBacklog(response.asResponse, 100_000);
    const large = 'abcdefghij'.repeat(4_000);
    for (const text of ['small', large, '{']) backlog.add(piece(text));
    response.writeResults.push(true, true, false);
    backlog.drain();
    expect(response.written.map(({ length }) => length)).toEqual([5, 15 * 1024 - 5 - 12, 15 * 1024]);
    expect(backlog.isDrained).toBe(false);
    backlog.drain();
    expect(response.body).toBe(`small${large}{`);
    expect(backlog.isDrained).toBe(true);
  });

  test('takes as many bytes as its budget, not one more; what has been written counts no longer', () => {
    const response = new FakeResponse();
    const backlog = new StreamBacklog(response.asResponse, 10);
    expect(backlog.add(piece('12345'))).toBe(true);
    expect(backlog.add(piece('67890'))).toBe(true);
    response.writeResults.push(false);
    backlog.drain();
    expect(backlog.add(piece('12345'))).toBe(true);
    expect(backlog.add(piece('6'))).toBe(false);
  });
});
