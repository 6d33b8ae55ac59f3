/**
 * fast-check's arbitraries for requests on the key space. Keys and values come from small pools, so that they meet;
 * the rest of the pools are the odd ones: bytes that are not text, escapes, names that begin alike, parameters that
 * do not parse. An index is written relative to the current one (`<<-2>>`) and filled in when the request is sent.
 */
import fc from 'fast-check';
import type { Request } from '../support/http.ts';

export interface KeysRequest {
  readonly method: string;
  /** Below the prefix of the sequence, as in the request line; empty or beginning with a slash. */
  readonly path: string;
  readonly query: string;
  /** Absent: no body at all. */
  readonly body: string | undefined;
  readonly contentType: string | undefined;
}

const formType = 'application/x-www-form-urlencoded';

export function requestOf(request: KeysRequest, prefix: string, index: number): Request {
  const filled = (text: string) => text.replace(/<<-(\d+)>>/g, (_, back) => String(Math.max(1, index - Number(back))));
  const query = request.query === '' ? '' : `?${filled(request.query)}`;
  const head = { method: request.method, target: `/v2/keys${prefix}${request.path}${query}` };
  if (request.body === undefined) return head;
  const body = Buffer.from(filled(request.body), 'latin1');
  return request.contentType === undefined
    ? { ...head, body }
    : { ...head, headers: { 'content-type': request.contentType }, body };
}

/** Whether the answer's listing is ordered, so that its order is compared too. */
export function asksForOrder(request: KeysRequest): boolean {
  return /(^|&)sorted=(1|t|T|true|True|TRUE)(&|$)/.test(request.query);
}

const usualPath = fc.constantFrom(
  ...['/a', '/b', '/a/b', '/a/b/c', '/a/x', '/foo', '/foobar', '/foo/x', '/foobar/x', '/_h', '/_h/k', '/a/_h'],
  ...['/a/_h/z', '/d/1', '/d/2', '/d/10', '/d'],
);
const oddPath = fc.constantFrom(
  ...['', '/', '/a/', '/%C3%A9', '/%ff', '/%fe', '/e%CC%81', '/a%2Fb', '/sp%20ace', '/pl+us', '/q%3Fq%23%26%25'],
  ...['/quote%22%27', '/%3Ctag%3E', '/back%5Cslash', '/%0A%0D%09', '/%00', '/%E2%80%A8', '/%F0%9F%98%80', '/%EF%BF%BD'],
  ...[
    '/d/%EF%BD%81',
    '/d/%F0%90%80%80',
    '/d/a',
    '/d/B',
    '/d/_',
    '/d/-',
    '/00000000000000000007',
    '/\xc3\xa9',
    '/a|b',
    '/a~b',
  ],
  ...['//a', '/a//b', '/./a', '/a/../b', '/%2e%2e/a', '/a/%2e', '/a/.', '/..a', '/a%2F', '/%2F', '/A', '/a;b', '/a=b'],
  ...[`/${'long'.repeat(60)}`, '/deep/1/2/3/4/5/6/7/8/9', '/a/b/c/d/e', '/_', '/__', '/a:b@c', '/%ed%a0%80', '/%c0%af'],
);
const path = fc.oneof({ weight: 7, arbitrary: usualPath }, { weight: 2, arbitrary: oddPath });

/** Bytes, escaped for a form in one of the ways a client may choose. */
const escapedBytes = fc
  .tuple(fc.uint8Array({ maxLength: 12 }), fc.constantFrom('all', 'needed', 'plus'))
  .map(([bytes, style]) => [...bytes].map((byte) => escapedByte(byte, style)).join(''));
const oddValue = fc.constantFrom(
  ...['%3Cb%3E%26%22%27', 'line%0Aend%0D', '%00%01%1f%7f%08%0c', '%E2%80%A8%E2%80%A9', '%F0%9F%98%80', '%ED%A0%80'],
  ...['a+b%2Bc', 'tail%20', '%5C%2F', '%C3', '%E2%82', '%F4%90%80%80', '%C0%80', '=', 'a=b', '%3B', '0', 'true'],
  ...[
    'é',
    '\xff\xfe',
    '%EF%BB%BFbom',
    '%ef%bf%bd',
    'x'.repeat(3000),
    '[one+!=+two]',
    '{"a":1}',
    '12345678901234567890',
  ],
);
export const usualValue = fc.constantFrom('', 'one', 'two', 'three');
const value = fc.oneof(
  { weight: 8, arbitrary: usualValue },
  { weight: 2, arbitrary: oddValue },
  { weight: 1, arbitrary: escapedBytes },
);

function escapedByte(byte: number, style: string): string {
  if (style === 'plus' && byte === 0x20) return '+';
  const isPlain = (byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x7a);
  return isPlain && style !== 'all' ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, '0')}`;
}

type Parameter = readonly [name: string, value: string];

const named = (name: string, values: fc.Arbitrary<string>) => values.map((text): Parameter => [name, text]);
const backIndex = fc.integer({ min: 0, max: 5 }).map((back) => `<<-${back}>>`);
// Long lives only: an expiry in the middle of a sequence would shift the index at a moment of its own.
const longTtl = fc.constantFrom('100', '5000', '000300', '31536000');
const truth = fc.constantFrom('true', 'false', '1', '0', 't', 'F', 'True', 'FALSE');
const valueParameter = named('value', value);
const prevValueParameter = named(
  'prevValue',
  fc.oneof({ weight: 5, arbitrary: usualValue }, { weight: 1, arbitrary: value }),
);
const prevIndexParameter = named('prevIndex', backIndex);
const prevExistParameter = named('prevExist', truth);
const ttlParameter = named('ttl', fc.oneof(longTtl, fc.constant('')));

const oddParameter: fc.Arbitrary<Parameter> = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      'recursive',
      'sorted',
      'wait',
      'dir',
      'quorum',
      'stream',
      'prevExist',
      'refresh',
      'noValueOnSuccess',
    ),
    fc.constantFrom('true', 'false', '1', '0', 'T', 'f', '', 'yes', 'tRUE', '2', '%74rue', 'true%20', '+'),
  ),
  fc.tuple(
    fc.constantFrom('prevIndex', 'waitIndex'),
    fc.constantFrom(
      '0',
      '1',
      '007',
      '-1',
      '+5',
      'abc',
      '',
      '1.0',
      '0x10',
      '18446744073709551615',
      '18446744073709551616',
    ),
  ),
  named('ttl', fc.constantFrom('', 'abc', '-1', '1e3', '1.5', '18446744073709551616', '%31%30%30', '0100')),
  named('prevValue', fc.constantFrom('', 'one', '%zz', 'a;b')),
  named('value', fc.constantFrom('%zz', 'a;b', '%', '%4', '%4g', 'one&value=two', '&&')),
  fc.tuple(fc.constantFrom('unknown', '', 'VALUE', 'Dir', '%76alue', 'va+lue', '%zz'), fc.constantFrom('', 'x', '%zz')),
);

const oddContentType = fc.constantFrom(
  ...['application/json', 'text/plain', '', 'APPLICATION/X-WWW-FORM-URLENCODED', 'application/x-www-form-urlencoded;'],
  ...['application/x-www-form-urlencoded; charset=utf-8', 'multipart/form-data', '/', ';', 'x/', 'a b/c', 'a/b/c'],
  ...['a/b; charset', 'a/b; x=1; x=2', 'a/b; x="1', 'application/x-www-form-urlencoded; charset="utf-8"', 'a/b, c/d'],
  ...['form', 'a/b;;', 'a/b; charset=', ' application/x-www-form-urlencoded'],
);
const contentType = fc.oneof(
  { weight: 30, arbitrary: fc.constant<string | undefined>(formType) },
  { weight: 1, arbitrary: oddContentType },
  { weight: 1, arbitrary: fc.constant(undefined) },
);

/** A request whose parameters stand in the body or, for some, in the query. */
function writing(method: string, parameters: fc.Arbitrary<Parameter[]>): fc.Arbitrary<KeysRequest> {
  const placed = parameters.chain((list) =>
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: list.length, maxLength: list.length }).map((dice) => ({
      query: joined(list.filter(([, text], ordinal) => isInQuery(text, dice[ordinal] ?? 0))),
      body: joined(list.filter(([, text], ordinal) => !isInQuery(text, dice[ordinal] ?? 0))),
    })),
  );
  return fc
    .record({ path, placed, contentType })
    .map(({ path, placed, contentType }) => ({ method, path, ...placed, contentType }));
}

/** Unescaped bytes that are no text stay in the body: uWebSockets.js hands the request line over as UTF-8. */
function isInQuery(text: string, dice: number): boolean {
  return dice >= 8 && !/[\x80-\xff]/.test(text);
}

function reading(method: string, parameters: fc.Arbitrary<Parameter[]>): fc.Arbitrary<KeysRequest> {
  return fc.record({ path, parameters }).map(({ path, parameters }) => ({
    method,
    path,
    query: joined(parameters).replace(/[\x80-\xff]/g, (byte) => escapedByte(byte.charCodeAt(0), 'all')),
    body: undefined,
    contentType: undefined,
  }));
}

function joined(parameters: readonly Parameter[]): string {
  return parameters.map(([name, text]) => (text === '' ? name : `${name}=${text}`)).join('&');
}

/** Some of these, each at most once, in this order. */
function someOf(...parameters: fc.Arbitrary<Parameter>[]): fc.Arbitrary<Parameter[]> {
  return fc
    .tuple(...parameters.map((parameter) => fc.option(parameter, { nil: undefined, freq: 2 })))
    .map((list) => list.filter((parameter) => parameter !== undefined));
}

const flag = (name: string) => named(name, truth);
const always = (parameter: fc.Arbitrary<Parameter>, ...others: fc.Arbitrary<Parameter>[]) =>
  fc.tuple(parameter, someOf(...others)).map(([first, rest]) => [first, ...rest]);

const set = writing('PUT', always(valueParameter, ttlParameter, flag('noValueOnSuccess')));
const setDirectory = writing('PUT', always(named('dir', fc.constant('true')), prevExistParameter, ttlParameter));
const conditionalPut = writing(
  'PUT',
  someOf(valueParameter, prevExistParameter, prevValueParameter, prevIndexParameter, ttlParameter),
);
const anyPut = writing(
  'PUT',
  someOf(valueParameter, ttlParameter, flag('dir'), prevExistParameter, flag('refresh'), prevIndexParameter),
);
const refresh = writing(
  'PUT',
  always(named('refresh', fc.constant('true')), named('ttl', longTtl), prevExistParameter, prevValueParameter),
);
const createInOrder = writing('POST', always(valueParameter, ttlParameter, flag('dir'), prevExistParameter));
const get = reading('GET', someOf(flag('recursive'), flag('sorted'), flag('quorum')));
const head = reading('HEAD', someOf(flag('recursive'), flag('sorted')));
const remove = reading('DELETE', someOf(flag('recursive'), flag('dir')));
const compareAndDelete = reading('DELETE', always(prevValueParameter, prevIndexParameter, flag('dir')));
const odd = fc.oneof(
  writing('PUT', fc.array(oddParameter, { maxLength: 3 })),
  writing('POST', fc.array(oddParameter, { maxLength: 3 })),
  reading('DELETE', fc.array(oddParameter, { maxLength: 3 })),
  // Never a watch that would stay open: the sequences with watches have those.
  reading(
    'GET',
    fc.array(
      oddParameter.filter(([name, text]) => name !== 'wait' || text === 'yes'),
      { maxLength: 3 },
    ),
  ),
  reading('PATCH', fc.array(oddParameter, { maxLength: 1 })),
  reading('OPTIONS', fc.array(oddParameter, { maxLength: 1 })),
);

/** Requests that change something, plainly written. */
export const usualWrite = writesOn(path);

/** The same on keys of another pool. */
export function writesOn(path: fc.Arbitrary<string>): fc.Arbitrary<KeysRequest> {
  const writes = fc.oneof(
    { weight: 6, arbitrary: set },
    { weight: 2, arbitrary: setDirectory },
    { weight: 3, arbitrary: conditionalPut },
    { weight: 1, arbitrary: refresh },
    { weight: 2, arbitrary: createInOrder },
    { weight: 4, arbitrary: remove },
    { weight: 2, arbitrary: compareAndDelete },
  );
  return fc.tuple(writes, path).map(([write, path]) => ({ ...write, path }));
}

/** Any request that is answered at once. */
export const anyRequest: fc.Arbitrary<KeysRequest> = fc.oneof(
  { weight: 8, arbitrary: usualWrite },
  { weight: 2, arbitrary: anyPut },
  { weight: 5, arbitrary: get },
  { weight: 1, arbitrary: head },
  { weight: 3, arbitrary: odd },
);
