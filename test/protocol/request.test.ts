import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { Flag, type KeysCommand, Op } from '../../src/protocol/command.ts';
import { FORM_TYPE } from '../../src/protocol/content-type.ts';
import { type KeysMethod, parseKeysRequest, readPlainWrite } from '../../src/protocol/request.ts';

const METHODS: KeysMethod[] = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'];

function parse(method: KeysMethod, parameters: string, { body = '', contentType = FORM_TYPE, path = '/foo' } = {}) {
  return parseKeysRequest(method, path as ByteString, parameters, contentType, body as ByteString);
}

function commandOf(method: KeysMethod, parameters: string, options = {}): KeysCommand {
  const parsed = parse(method, parameters, options);
  if ('code' in parsed) throw new Error(`refused: ${parsed.code} ${parsed.cause}`);
  return parsed;
}

function flagNames({ flags }: KeysCommand): string[] {
  const names = Object.entries(Flag).filter(([name, bit]) => (flags & bit) !== 0 && !name.endsWith('Plain'));
  return names.map(([name]) => name);
}

function opName({ op }: KeysCommand): string | undefined {
  return Object.entries(Op).find(([, code]) => code === op)?.[0];
}

describe('the operation of a request', () => {
  test.each<[KeysMethod, string, string, string[]]>([
    ['GET', '', 'get', []],
    ['GET', 'recursive=true&sorted=1&quorum=true', 'get', ['recursive', 'sorted']],
    ['GET', 'wait=true&recursive=true&stream=true&sorted=true', 'watch', ['recursive', 'stream']],
    ['GET', 'wait=true&quorum=true', 'get', []],
    ['GET', 'stream=true&value=x&ttl=5&dir=true&prevIndex=7', 'get', []],
    ['HEAD', 'sorted=true', 'get', ['sorted', 'head']],
    ['PUT', '', 'set', []],
    ['PUT', 'dir=true&noValueOnSuccess=true', 'set', ['dir', 'noValueOnSuccess']],
    ['PUT', 'refresh=true&ttl=5', 'set', ['refresh']],
    ['PUT', 'prevIndex=0', 'set', []],
    ['PUT', 'prevExist=true', 'update', []],
    ['PUT', 'prevExist=true&prevIndex=0&dir=true', 'update', []],
    ['PUT', 'prevExist=true&refresh=true&ttl=5', 'update', ['refresh']],
    ['PUT', 'prevExist=false', 'create', []],
    ['PUT', 'prevExist=false&dir=true&prevIndex=7&prevValue=x', 'create', ['dir']],
    ['PUT', 'prevExist=false&refresh=true&ttl=5', 'create', []],
    ['PUT', 'prevValue=x', 'compareAndSwap', []],
    ['PUT', 'prevIndex=7&dir=true', 'compareAndSwap', ['hasPrevIndex']],
    ['PUT', 'prevExist=true&prevIndex=7', 'compareAndSwap', ['hasPrevIndex']],
    ['PUT', 'prevExist=true&prevValue=x&refresh=true&ttl=1', 'compareAndSwap', ['refresh']],
    ['POST', 'dir=true', 'createInOrder', ['dir']],
    ['POST', 'prevExist=true&prevValue=x&prevIndex=7&refresh=true&ttl=5', 'createInOrder', []],
    ['DELETE', '', 'delete', []],
    ['DELETE', 'dir=true&recursive=true&value=x&ttl=5&noValueOnSuccess=true', 'delete', ['dir', 'recursive']],
    ['DELETE', 'prevExist=false&prevIndex=0', 'delete', []],
    ['DELETE', 'prevValue=x&dir=true', 'compareAndDelete', []],
    ['DELETE', 'prevIndex=7&recursive=true', 'compareAndDelete', ['hasPrevIndex']],
  ])('%s ?%s is %s with %j', (method, query, op, flags) => {
    const command = commandOf(method, query);
    expect([opName(command), flagNames(command)]).toEqual([op, flags]);
  });

  test('carries only what the operation looks at', () => {
    const all = 'value=v&ttl=5&prevValue=p&prevIndex=7&waitIndex=9';
    expect(commandOf('GET', all)).toMatchObject({
      value: '',
      prevValue: '',
      prevIndex: 0n,
      waitIndex: 0n,
      ttlNs: undefined,
    });
    expect(commandOf('GET', `${all}&wait=true`)).toMatchObject({ value: '', prevIndex: 0n, waitIndex: 9n });
    expect(commandOf('PUT', all)).toMatchObject({
      value: 'v',
      prevValue: 'p',
      prevIndex: 7n,
      waitIndex: 0n,
      ttlNs: 5_000_000_000n,
    });
    expect(commandOf('POST', all)).toMatchObject({ value: 'v', prevValue: '', prevIndex: 0n, ttlNs: 5_000_000_000n });
    expect(commandOf('DELETE', all)).toMatchObject({ value: '', prevValue: 'p', prevIndex: 7n, ttlNs: undefined });
  });

  test.each<[string, string, boolean, boolean]>([
    ['/foo', 'bar', true, true],
    ['', '', true, true],
    ['/f"o', 'a<b', false, false],
    ['/\xff', 'bar', false, true],
    ['/foo', '\xff', true, false],
  ])('path %j and value %j are plain: %j, %j', (path, value, isPathPlain, isValuePlain) => {
    for (const query of ['', 'x=1']) {
      const { flags } = commandOf('PUT', query, { path, body: `value=${value}` });
      expect([(flags & Flag.pathPlain) !== 0, (flags & Flag.valuePlain) !== 0]).toEqual([isPathPlain, isValuePlain]);
    }
  });

  test('the shortcut for a plain value gives what the whole grammar gives', () => {
    expect(commandOf('PUT', '', { body: 'value=bar' })).toEqual(commandOf('PUT', 'x=1', { body: 'value=bar' }));
  });
});

describe('numbers', () => {
  test.each<[string, bigint]>([
    ['0', 0n],
    ['007', 7n],
    ['18446744073709551615', 18446744073709551615n],
    [`${'0'.repeat(1000)}18446744073709551615`, 18446744073709551615n],
  ])('prevIndex=%s is %d', (text, number) => {
    expect(commandOf('PUT', `prevIndex=${text}`).prevIndex).toBe(number);
  });

  test.each<[string, bigint | undefined]>([
    ['', undefined],
    ['0', 0n],
    ['5', 5_000_000_000n],
    ['9000000000', 9_000_000_000_000_000_000n],
    ['9999999999', -8_446_744_074_709_551_616n],
    ['18446744073709551615', -1_000_000_000n],
  ])('ttl=%s is %d ns', (text, ns) => {
    expect(commandOf('PUT', `ttl=${text}`).ttlNs).toBe(ns);
  });

  const NOT_NUMBERS = [
    '%2B5',
    '-1',
    '1.0',
    '0x10',
    '1_000',
    '%205',
    '5%20',
    'a',
    '18446744073709551616',
    '9'.repeat(1000),
  ];
  test.each(NOT_NUMBERS)('%s is none, with any method', (text) => {
    for (const method of METHODS) {
      const cause = (name: string) => `invalid value for "${name}"`;
      expect(parse(method, `prevIndex=${text}`)).toEqual({ code: 203, cause: cause('prevIndex'), index: 0 });
      expect(parse(method, `waitIndex=${text}`)).toEqual({ code: 203, cause: cause('waitIndex'), index: 0 });
      expect(parse(method, `ttl=${text}`)).toEqual({ code: 202, cause: cause('ttl'), index: 0 });
    }
  });

  test('an index cannot be empty', () => {
    expect(parse('GET', 'waitIndex=')).toMatchObject({ code: 203 });
    expect(parse('GET', 'prevIndex')).toMatchObject({ code: 203 });
  });
});

describe('booleans', () => {
  test.each(['1', 't', 'T', 'true', 'True', 'TRUE'])('%s is true', (text) => {
    expect(flagNames(commandOf('GET', `recursive=${text}`))).toEqual(['recursive']);
  });

  test.each(['0', 'f', 'F', 'false', 'False', 'FALSE'])('%s is false', (text) => {
    expect(flagNames(commandOf('GET', `recursive=${text}`))).toEqual([]);
    expect(opName(commandOf('PUT', `prevExist=${text}`))).toBe('create');
  });

  test.each(['', 'tRUE', 'yes', '2', 'true%20', 'on'])('%j is refused', (text) => {
    for (const name of ['recursive', 'sorted', 'wait', 'dir', 'quorum', 'stream', 'noValueOnSuccess']) {
      expect(parse('GET', `${name}=${text}`)).toEqual({ code: 209, cause: `invalid value for "${name}"`, index: 0 });
    }
    for (const name of ['prevExist', 'refresh']) {
      expect(parse('GET', `${name}=${text}`)).toEqual({ code: 209, cause: `invalid value for ${name}`, index: 0 });
    }
  });
});

describe('the order of checks', () => {
  const FAULTS: [string, number, string][] = [
    ['x=%zz', 210, 'invalid URL escape "%zz"'],
    ['prevIndex=x', 203, 'invalid value for "prevIndex"'],
    ['waitIndex=x', 203, 'invalid value for "waitIndex"'],
    ['recursive=x', 209, 'invalid value for "recursive"'],
    ['sorted=x', 209, 'invalid value for "sorted"'],
    ['wait=x', 209, 'invalid value for "wait"'],
    ['dir=x', 209, 'invalid value for "dir"'],
    ['quorum=x', 209, 'invalid value for "quorum"'],
    ['stream=x', 209, 'invalid value for "stream"'],
    ['wait=true', 209, '"wait" can only be used with GET requests'],
    ['prevValue=', 201, '"prevValue" cannot be empty'],
    ['noValueOnSuccess=x', 209, 'invalid value for "noValueOnSuccess"'],
    ['ttl=x', 202, 'invalid value for "ttl"'],
    ['prevExist=x', 209, 'invalid value for prevExist'],
    ['refresh=x', 209, 'invalid value for refresh'],
    ['refresh=true&value=v', 211, 'A value was provided on a refresh'],
    ['refresh=true', 212, 'No TTL value set'],
  ];

  test.each(FAULTS.map((fault, position) => [...fault, position] as const))(
    '%s is refused with %i %s',
    (fault, code, cause, position) => {
      expect(parse('PUT', fault)).toEqual({ code, cause, index: 0 });
      // Later faults first, so that only the order of checks can decide.
      const name = fault.slice(0, fault.indexOf('='));
      const later = FAULTS.slice(position + 1).filter(([other]) => !other.startsWith(`${name}=`));
      const all = [...later.map(([other]) => other).reverse(), fault].join('&');
      expect(parse('PUT', all)).toEqual({ code, cause, index: 0 });
    },
  );

  test.each(METHODS.filter((method) => method !== 'GET'))('%s cannot wait', (method) => {
    expect(parse(method, 'wait=true')).toMatchObject({ code: 209, cause: '"wait" can only be used with GET requests' });
    expect(parse(method, 'wait=true&quorum=true')).toMatchObject({ code: 209 });
  });

  test('a refresh is checked on methods that know none', () => {
    expect(parse('GET', 'refresh=true')).toMatchObject({ code: 212 });
    expect(parse('DELETE', 'refresh=true&ttl=')).toMatchObject({ code: 212 });
    expect(parse('POST', 'refresh=true&value=x&ttl=5')).toMatchObject({ code: 211 });
    expect(parse('PUT', 'refresh=true&value=&ttl=5')).toMatchObject({ op: Op.set });
  });
});

describe('the body', () => {
  const body = 'value=body';

  test.each(['PUT', 'POST'] as const)('counts for %s when it is a form', (method) => {
    expect(commandOf(method, 'value=query', { body }).value).toBe('body');
    expect(
      commandOf(method, 'value=query', { body, contentType: 'Application/X-WWW-Form-urlencoded; a=b' }).value,
    ).toBe('body');
  });

  test.each(['', 'text/plain', 'application/json', 'multipart/form-data; boundary=x', 'application/octet-stream'])(
    'does not count with content type %j',
    (contentType) => expect(commandOf('PUT', 'value=query', { body, contentType }).value).toBe('query'),
  );

  test.each(['GET', 'HEAD', 'DELETE'] as const)('is never looked at for %s', (method) => {
    expect(parse(method, '', { body: 'a;b', contentType: '/' })).toHaveProperty('op');
  });

  test.each([
    ['/', 'a;b', 'x=%zz', 'mime: no media type'],
    ['application/x-www-form-urlencoded; a', 'a;b', '', 'mime: invalid media parameter'],
    [FORM_TYPE, 'a;b', 'x=%zz', 'invalid semicolon separator in query'],
    [FORM_TYPE, 'x=%yy', 'a;b', 'invalid URL escape "%yy"'],
    ['text/plain', 'a;b', 'x=%zz', 'invalid URL escape "%zz"'],
  ])('content type %j, body %j, query %j: %s', (contentType, body, query, cause) => {
    expect(parse('PUT', query, { body, contentType })).toEqual({ code: 210, cause, index: 0 });
  });

  test.each<[KeysMethod, string, string, string | undefined]>([
    ['PUT', FORM_TYPE, '', 'http: POST too large'],
    ['POST', FORM_TYPE, 'a;b', 'http: POST too large'],
    ['PUT', `${FORM_TYPE}; a`, '', 'http: POST too large'],
    ['PUT', `${FORM_TYPE}; a=1; a=1`, '', 'mime: duplicate parameter name'],
    ['PUT', 'text/plain', '', undefined],
    ['DELETE', FORM_TYPE, '', undefined],
  ])('one too large, %s %j %j: %s', (method, contentType, query, cause) => {
    const parsed = parseKeysRequest(method, '/foo' as ByteString, query, contentType, '' as ByteString, true);
    expect('code' in parsed ? parsed.cause : undefined).toBe(cause);
  });
});

describe('the write of a plain value', () => {
  test.each<[KeysMethod, string]>([
    ['PUT', ''],
    ['POST', ''],
    ['PUT', 'prevValue=a=b'],
    ['PUT', 'prevIndex=7'],
    ['PUT', 'prevExist=true'],
    ['PUT', 'prevExist=false'],
  ])('%s with the query %j takes the short way', (method, query) => {
    expect(readPlainWrite(method, query)).toBeDefined();
  });

  test('is what the whole grammar makes of it', () => {
    const character = fc.nat(126).map((code) => String.fromCharCode(Math.max(code, 0x21)));
    const queries = fc.oneof(
      fc.tuple(
        fc.constantFrom('prevValue=', 'prevIndex=', 'prevExist=', 'prevExists=', 'prev', ''),
        fc.oneof(
          fc.constantFrom('true', 'false', '0', '07', '1', '', '1&prevValue=x'),
          fc.bigInt(0n, 2n ** 65n).map(String),
          fc.array(character, { maxLength: 3 }).map((characters) => characters.join('')),
        ),
      ),
      fc.constant(['', '']),
    );
    const methods = fc.constantFrom<KeysMethod>('PUT', 'POST');
    fc.assert(
      fc.property(methods, queries, (method, parts) => {
        const query = parts.join('');
        const write = readPlainWrite(method, query);
        if (write === undefined) return;
        const { op, flags, value, prevValue, prevIndex, ttlNs } = commandOf(method, query, { body: 'value=x' });
        const plain = Flag.pathPlain | Flag.valuePlain;
        expect({ op, flags, value, prevValue, prevIndex, ttlNs }).toEqual({
          ...write,
          flags: write.flags | plain,
          value: 'x',
          ttlNs: undefined,
        });
      }),
      { numRuns: 3000 },
    );
  });
});
