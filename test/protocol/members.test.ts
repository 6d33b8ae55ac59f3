import { describe, expect, test } from 'vitest';
import { type ByteString, byteStringOf } from '../../src/base/byte-string.ts';
import { renderMember, renderMembers } from '../../src/protocol/answers.ts';
import { answerMembers } from '../../src/protocol/members.ts';

const member = { id: 'cafe1', name: 'a', peerUrls: ['http://127.0.0.1:2380'], clientUrls: ['http://127.0.0.1:2379'] };
const URLS = '{"peerURLs":["http://127.0.0.1:1"]}';
const message = (text: string) => `{"message":${JSON.stringify(text)}}`;

function answer(method: string, item: string, body = '', contentType = 'application/json') {
  return answerMembers(method, `/v2/members${item}` as ByteString, contentType, byteStringOf(body), member);
}

describe('the member list', () => {
  test.each([
    ['', 200, renderMembers([member])],
    ['/', 200, renderMembers([member])],
    ['/leader', 200, renderMember(member)],
    ['/leader/', 404, message('Not found')],
    ['/cafe1', 404, message('Not found')],
  ])('GET %j is answered with %i', (item, status, body) => {
    expect(answer('GET', item)).toMatchObject({ status, body, hasClusterId: true });
  });

  test.each([
    ['POST', '', 409, 'the member list is fixed: this server stands alone'],
    ['PUT', '/cafe1', 409, 'the member list is fixed: this server stands alone'],
    ['PUT', '/0CAFE1', 409, 'the member list is fixed: this server stands alone'],
    ['DELETE', '/cafe1', 409, 'the member list is fixed: this server stands alone'],
    ['PUT', '/1234', 404, 'No such member: 1234'],
    ['PUT', '/zzz', 404, 'No such member: zzz'],
    ['DELETE', '/0012', 404, 'No such member: 12'],
    ['DELETE', '/0x12', 404, 'No such member: 0x12'],
    ['DELETE', `/${'f'.repeat(17)}`, 404, `No such member: ${'f'.repeat(17)}`],
  ])('%s %s of a change is answered with %i %s', (method, item, status, text) => {
    expect(answer(method, item, URLS)).toMatchObject({ status, body: message(text), hasClusterId: true });
  });

  test.each(['http://127.0.0.1:2380', ' HTTP://127.0.0.1:2380 '])('the member may keep its peer URL %j', (url) => {
    expect(answer('PUT', '/0CAFE1', JSON.stringify({ peerURLs: [url] }))).toEqual({
      status: 204,
      contentType: undefined,
      headers: {},
      hasClusterId: true,
      body: '',
    });
  });

  test('a list of more URLs than the member has is a change', () => {
    const urls = JSON.stringify({ peerURLs: ['http://127.0.0.1:2380', 'http://127.0.0.1:2381'] });
    expect(answer('PUT', '/cafe1', urls)).toMatchObject({ status: 409 });
  });

  test('a peer URL cannot be added twice', () => {
    const urls = JSON.stringify({ peerURLs: ['http://127.0.0.1:1', 'HTTP://127.0.0.1:2380'] });
    expect(answer('POST', '', urls)).toMatchObject({ status: 409, body: message('membership: peerURL exists') });
  });

  test('a field that comes again is taken in again, and a null leaves what was given', () => {
    const [own, other] = ['"http://127.0.0.1:2380"', '"http://127.0.0.1:1"'];
    const isKept = `{"peerURLs":[${other}],"peerurls":[${own},${other}],"peerURLs":[null]}`;
    expect(answer('PUT', '/cafe1', isKept)).toMatchObject({ status: 204 });
    const isWrong = `{"peerURLs":1,"peerURLs":[${own}]}`;
    const text = 'json: cannot unmarshal number into Go struct field .peerURLs of type []string';
    expect(answer('PUT', '/cafe1', isWrong)).toMatchObject({ status: 400, body: message(text) });
  });

  test('a mistake in the URLs is told before an unknown member is', () => {
    expect(answer('PUT', '/1234', '{}')).toMatchObject({ status: 400, body: message('no valid URLs given') });
  });

  test.each(['PUT', 'DELETE'])('%s needs a member', (method) => {
    for (const item of ['', '/']) {
      expect(answer(method, item, URLS)).toMatchObject({
        status: 405,
        body: 'Method Not Allowed\n',
        hasClusterId: true,
      });
    }
  });

  test('HEAD is not allowed', () => {
    expect(answer('HEAD', '')).toMatchObject({
      status: 405,
      hasClusterId: false,
      headers: { Allow: 'GET,POST,DELETE,PUT' },
    });
  });

  test.each([
    ['', 'Bad Content-Type , accept application/json'],
    ['text/plain', 'Bad Content-Type text/plain, accept application/json'],
    ['Application/JSON', 'Bad Content-Type Application/JSON, accept application/json'],
    ['A/B;x', 'Bad Content-Type a/b, accept application/json'],
  ])('content type %j is refused', (contentType, text) => {
    expect(answer('POST', '', URLS, contentType)).toMatchObject({ status: 415, body: message(text) });
  });

  test('a content type with a parameter may be in any case', () => {
    expect(answer('POST', '', '{}', 'Application/JSON; charset=utf-8')).toMatchObject({ status: 400 });
  });
});

describe('the peer URLs of a change', () => {
  const STRUCT = 'struct { PeerURLs []string "json:\\"peerURLs\\"" }';
  test.each([
    ['null', 'no valid URLs given'],
    ['{}', 'no valid URLs given'],
    ['{"peerURLs":[]}', 'no valid URLs given'],
    ['{"peerURLs":null}', 'no valid URLs given'],
    ['[]', `json: cannot unmarshal array into Go value of type ${STRUCT}`],
    ['true', `json: cannot unmarshal bool into Go value of type ${STRUCT}`],
    ['{"peerURLs":"x"}', 'json: cannot unmarshal string into Go struct field .peerURLs of type []string'],
    ['{"peerURLs":["a",3]}', 'json: cannot unmarshal number into Go struct field .peerURLs of type string'],
    ['{"PEERurls":[" x "]}', 'URL scheme must be http, https, unix, or unixs: x'],
    ['{"peerURLs":["x"],"PEERURLS":["y"]}', 'URL scheme must be http, https, unix, or unixs: y'],
    [
      '{"peerURLs":3,"PEERURLS":["y"]}',
      'json: cannot unmarshal number into Go struct field .peerURLs of type []string',
    ],
    ['{"peerURLs":[null]}', 'URL scheme must be http, https, unix, or unixs: '],
    ['{"peerURLs":["ftp://x:1"]}', 'URL scheme must be http, https, unix, or unixs: ftp://x:1'],
    ['{"peerURLs":["x:1","http://x"]}', 'URL scheme must be http, https, unix, or unixs: x:1'],
    ['{"peerURLs":["127.0.0.1:1"]}', 'parse "127.0.0.1:1": first path segment in URL cannot contain colon'],
    ['{"peerURLs":["http://x"]}', 'URL address does not have the form "host:port": http://x'],
    ['{"peerURLs":["http:x"]}', 'URL address does not have the form "host:port": http:x'],
    ['{"peerURLs":["http://[::1]"]}', 'URL address does not have the form "host:port": http://[::1]'],
    ['{"peerURLs":["http://x:y"]}', 'parse "http://x:y": invalid port ":y" after host'],
    ['{"peerURLs":["http://[::1]:1/x"]}', 'URL must not contain a path: http://[::1]:1/x'],
  ])('%s: %s', (body, text) => {
    expect(answer('POST', '', body)).toMatchObject({ status: 400, body: message(text) });
  });
});

describe('a peer URL that Go cannot parse', () => {
  test.each([
    [':', 'missing protocol scheme'],
    ['x y:1', 'first path segment in URL cannot contain colon'],
    ['http://x\n:1', 'net/url: invalid control character in URL'],
    ['http://x y:1', 'invalid character " " in host name'],
    ['http://x\\y:1', 'invalid character "\\\\" in host name'],
    ['http://x%20:1', 'invalid URL escape "%20"'],
    ['http://x:1/%zz', 'invalid URL escape "%zz"'],
    ['http://x:1/%', 'invalid URL escape "%"'],
    ['http://u%zz@x:1', 'invalid URL escape "%zz"'],
    ['http://u r@x:1', 'net/url: invalid userinfo'],
    ['http://[::1', "missing ']' in host"],
    ['http://[::1]x:1', 'invalid port "x:1" after host'],
    ['http://x:1#%zz', 'invalid URL escape "%zz"'],
    // None reaches from one part into the next.
    ['http://u%z:p@x:1', 'invalid URL escape "%z"'],
    ['http://u:%z@x:1', 'invalid URL escape "%z"'],
    ['http://[%2%25en0]:1', 'invalid URL escape "%2"'],
    ['http://[::1%25%]:1', 'invalid URL escape "%"'],
    ['http://[::1%25%ff]:1', 'invalid URL escape "%ff"'],
    // Three bytes are told of an escape, not three characters.
    ['http://x:1/%a\u00e9', 'invalid URL escape "%a\\xc3"'],
    ['http://x%\u20ac:1', 'invalid URL escape "%\\xe2\\x82"'],
    ['http://x%\u00e9:1', 'invalid URL escape "%\u00e9"'],
  ])('%j: %s', (url, fault) => {
    const { body } = answer('POST', '', JSON.stringify({ peerURLs: [url] }));
    const { message: text } = JSON.parse(Buffer.from(body, 'latin1').toString());
    expect(text.replace(/^parse ".*": /, '')).toBe(fault);
  });

  test.each([
    ['http://\x01', '"http://\\x01"'],
    ['http://\u00a0|', '"http://\\u00a0|"'],
    ['http://\u{e0001}|"', '"http://\\U000e0001|\\""'],
    ['http://\u00e9 x#y', '"http://\u00e9 x"'],
    ['http://\ud800 x', '"http://\ufffd x"'],
    ['\x85\v\u2003http://|\u3000\x85', '"http://|"'],
    ['\ufeff http://x:1|', '"\\ufeff http://x:1|"'],
    [`http://|${'\t'.repeat(100_000)}|\t`, `"http://|${'\\t'.repeat(100_000)}|"`],
  ])('%j is quoted as %s', (url, quoted) => {
    const { body } = answer('POST', '', JSON.stringify({ peerURLs: [url] }));
    const { message: text } = JSON.parse(Buffer.from(body, 'latin1').toString());
    expect(text).toContain(`parse ${quoted}: `);
  });

  test.each([
    'http://[fe80::1%25en0]:1',
    'http://[fe80::1%25%65n%200]:1',
    'http://x:',
    'https://:1',
    'unix://a:1',
    'http://u:p@x:1',
    'http://x:1?a',
    'http://\u00e9:1',
    'http://x%c3%a9:1#a%20b',
  ])('%s is none', (url) => {
    expect(answer('PUT', '/1234', JSON.stringify({ peerURLs: [url] }))).toMatchObject({ status: 404 });
  });
});
