import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { isPlain } from '../../src/protocol/json.ts';
import {
  cleanPath,
  decodePath,
  isPlainKeysUrl,
  isSimpleUrl,
  needsCleaning,
  redirectBody,
  redirectLocation,
  redirectTarget,
} from '../../src/protocol/path.ts';

const bytes = (text: string) => text as ByteString;
const anyPath = fc
  .array(
    fc.constantFrom('/', '/', '.', '..', 'a', '%2F', '%2e', '%', '%zz', '\u00e9', '%ff', '?', ' ', '+', '#', '\n'),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''));

describe('decoding', () => {
  test.each([
    ['/a', '/a'],
    ['/a%2Fb', '/a/b'],
    ['/a+b', '/a+b'],
    ['/%3F%23%25%26', '/?#%&'],
    ['/%ff%FE', '/\xff\xfe'],
    ['/\u00e9', '/\xc3\xa9'],
    ['/%u0041', undefined],
    ['/%zz', undefined],
    ['/%4', undefined],
    ['/%', undefined],
    ['/a\x7f', undefined],
    ['/a%7f', '/a\x7f'],
  ])('%j is %j', (raw, path) => {
    expect(decodePath(raw)).toBe(path);
  });

  test('undoes encodeURIComponent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const utf8 = Buffer.from(text, 'utf8');
        fc.pre(utf8.toString('utf8') === text);
        expect(decodePath(encodeURIComponent(text))).toBe(utf8.toString('latin1'));
      }),
    );
  });
});

describe('cleaning', () => {
  test.each([
    ['//a/', '/a/'],
    ['', '/'],
    ['/', '/'],
    ['//', '/'],
    ['a', '/a'],
    ['/a/b/', '/a/b/'],
    ['/a//b', '/a/b'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/b/.', '/a/b'],
    ['/a/b/..', '/a'],
    ['/a/b//', '/a/b/'],
    ['/a/..', '/'],
    ['/a/../', '/'],
    ['/../../v2', '/v2'],
    ['/.../..a/.b/c.', '/.../..a/.b/c.'],
  ])('%j is %j', (path, cleaned) => {
    expect(cleanPath(bytes(path))).toBe(cleaned);
    expect(needsCleaning(bytes(path))).toBe(path !== cleaned);
  });

  test('a clean path is clean', () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        const cleaned = cleanPath(bytes(path));
        expect(needsCleaning(cleaned)).toBe(false);
        expect(cleanPath(cleaned)).toBe(cleaned);
        expect(cleaned === path).toBe(!needsCleaning(bytes(path)));
      }),
    );
  });

  test('a simple URL needs neither decoding nor cleaning', () => {
    fc.assert(
      fc.property(anyPath, (raw) => {
        if (!isSimpleUrl(raw)) return;
        expect(decodePath(raw)).toBe(raw);
        expect(needsCleaning(bytes(raw))).toBe(false);
      }),
      { numRuns: 5000 },
    );
  });

  test('a plain URL of a key is a simple one without trailing slash, whose path needs no escape', () => {
    const part = fc.constantFrom(
      '/',
      '/',
      '.',
      '..',
      'a',
      'B9',
      '%2F',
      '"',
      '<',
      '&',
      '\\',
      '~',
      '!',
      '\u00e9',
      ' ',
      '?',
    );
    const rest = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.constantFrom('/v2/keys', '/v2/keysx', '/v2', ''), rest, (prefix, end) => {
        const raw = prefix + end;
        const isOfKey = raw.startsWith('/v2/keys/') && raw !== '/v2/keys/' && !raw.endsWith('/');
        expect(isPlainKeysUrl(raw)).toBe(isOfKey && isSimpleUrl(raw) && isPlain(bytes(raw)));
      }),
      { numRuns: 5000 },
    );
  });

  test.each(['/v2/keys', '/v2/keys/', '/v2/keys/a/b-c_d.e', '/v2/keys/.a', '/v2/keys/..a', '/v2/keys/a..', '/version'])(
    'the everyday path %s is simple',
    (raw) => expect(isSimpleUrl(raw)).toBe(true),
  );

  test.each(['', '//', '/a//', '/a/.', '/a/../b', '/./a', '/a%20b', '/\u00e9', '/a b', 'a'])(
    'the path %j is not',
    (raw) => expect(isSimpleUrl(raw)).toBe(false),
  );
});

describe('the redirect', () => {
  test('escapes the path anew and leaves the query as it came', () => {
    const path = bytes(`/!"#$%&'()*+,-.:;<=>?@[\\]^_\`{|}~\x7f\x00\xffx`);
    const location = "/%21%22%23$%25&%27%28%29%2A+,-.:;%3C=%3E%3F@%5B%5C%5D%5E_%60%7B%7C%7D~%7F%00%FFx?a=%zz&b;c&d=<>'";
    expect(redirectTarget(path, "a=%zz&b;c&d=<>'")).toBe(location);
  });

  test('has no question mark without a query', () => {
    expect(redirectTarget(bytes('/a/'), '')).toBe('/a/');
  });

  test('stays ASCII in its header, and leaves the query alone in its body', () => {
    const target = redirectTarget(bytes('/\xc3\xa9'), 'x=\u00e9');
    expect(redirectLocation(target)).toBe('/%C3%A9?x=%c3%a9');
    expect(redirectBody(target)).toBe('<a href="/%C3%A9?x=\u00e9">Moved Permanently</a>.\n\n');
  });

  test('has a body in HTML', () => {
    expect(redirectBody('/a?b=<"\'>&c')).toBe('<a href="/a?b=&lt;&#34;&#39;&gt;&amp;c">Moved Permanently</a>.\n\n');
  });
});
