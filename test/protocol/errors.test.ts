import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { ERROR_TABLE, renderError, statusOf } from '../../src/protocol/errors.ts';

const bytes = (text: string) => text as ByteString;

describe('the error table', () => {
  test.each([
    [100, 404],
    [101, 412],
    [102, 403],
    [104, 400],
    [105, 412],
    [107, 400],
    [108, 403],
    [201, 400],
    [202, 400],
    [203, 400],
    [209, 400],
    [210, 400],
    [211, 400],
    [212, 400],
    [300, 500],
    [401, 400],
  ])('code %i has status %i and a message', (code, status) => {
    expect(statusOf(code)).toBe(status);
    expect(ERROR_TABLE[code]?.message).toBeTruthy();
  });
});

describe('the body of an error', () => {
  test('has its fields in the order of etcd and ends with a newline', () => {
    expect(renderError(100, bytes('/a'), 7)).toBe(
      '{"errorCode":100,"message":"Key not found","cause":"/a","index":7}\n',
    );
  });

  test('has no cause when there is none', () => {
    expect(renderError(102, bytes(''), 7)).toBe('{"errorCode":102,"message":"Not a file","index":7}\n');
  });

  test('escapes the cause', () => {
    expect(renderError(101, bytes('[<a> != "\xff"]'), 0)).toBe(
      '{"errorCode":101,"message":"Compare failed","cause":"[\\u003ca\\u003e != \\"\\ufffd\\"]","index":0}\n',
    );
  });
});
