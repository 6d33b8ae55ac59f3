import { describe, expect, test } from 'vitest';
import { corsHeaders, NO_ORIGIN, parseCorsOrigins } from '../../src/protocol/cors.ts';

describe('--cors', () => {
  test.each([
    ['*', undefined],
    ['http://a.example:80', ['http://a.example:80']],
    [' http://a.example:80, https://b.example:8443 ', ['http://a.example:80', 'https://b.example:8443']],
    ['HTTP://A.example:80', ['http://A.example:80']],
    ['http://[::1]:80', ['http://[::1]:80']],
    ['unix://a:1', ['unix://a:1']],
    ['http://a.example', ['http://a.example']],
  ])('%j means %j', (text, origins) => {
    expect(parseCorsOrigins(text)).toEqual(origins);
  });

  test.each([
    ...['', 'a.example:80', 'ftp://a:1', 'http://a:80/', 'http://a:80/path', 'http://a:port', '*,http://a:80'],
    ...['http://a:80,', 'http://a:80?x', 'http://a:1\r\nX: y', 'http://', 'http://user@a:80'],
  ])('%j is refused', (text) => {
    expect(() => parseCorsOrigins(text)).toThrow(/is not an origin/);
  });
});

test('no origin is no header', () => {
  expect(corsHeaders(NO_ORIGIN)).toEqual([]);
});
