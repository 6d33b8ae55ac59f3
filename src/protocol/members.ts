/**
 * `/v2/members` of a server that is its own and only member. The list can be read; a change is checked as etcd checks
 * it, so that a mistake is told in the same words, and then refused unless it changes nothing. Source: etcd 3.4,
 * etcdserver/api/v2http/client.go and pkg/types/urls.go; Go 1.19, net/url/url.go.
 */
import { type ByteString, byteStringOf, textOf } from '../base/byte-string.ts';
import { ALLOW, type Member, renderMember, renderMembers } from './answers.ts';
import { faultOfJson } from './go-json.ts';
import {
  type PlainAnswer as AnswerWithContent,
  jsonAnswer,
  messageAnswer,
  methodNeedsItem,
  methodNotAllowed,
} from './plain-answer.ts';

export type { Member } from './answers.ts';

/** A 204: no body, and hence no type of one. */
type AnswerWithoutContent = Omit<AnswerWithContent, 'contentType'> & { contentType: undefined };
export type PlainAnswer = AnswerWithContent | AnswerWithoutContent;

const PREFIX = '/v2/members';

const UNCHANGED: PlainAnswer = {
  status: 204,
  contentType: undefined,
  headers: {},
  hasClusterId: true,
  body: '' as ByteString,
};

/**
 * @param path  decoded and clean: `/v2/members` or below.
 * @param contentType  of the request; `''` when absent.
 * @param body  of the request; looked at for POST and PUT.
 * @param member  the only member.
 */
export function answerMembers(
  method: string,
  path: ByteString,
  contentType: string,
  body: ByteString,
  member: Member,
): PlainAnswer {
  const item = path.slice(PREFIX.length).replace(/^\//, '');
  switch (method) {
    case 'GET':
      return answerRead(item, member);
    case 'POST':
      return answerAdd(contentType, body, member);
    case 'PUT':
      return faultOfItem(item) ?? answerUpdate(item, contentType, body, member);
    case 'DELETE':
      return faultOfItem(item) ?? faultOfStranger(item, member) ?? refuseChange();
    default:
      return methodNotAllowed(ALLOW.members);
  }
}

function answerRead(item: string, member: Member): PlainAnswer {
  if (item === '') return jsonAnswer(renderMembers([member]));
  return item === 'leader' ? jsonAnswer(renderMember(member)) : messageAnswer(404, 'Not found');
}

function answerAdd(contentType: string, body: ByteString, member: Member): PlainAnswer {
  const urls = readChange(contentType, body);
  if (!Array.isArray(urls)) return urls;
  const isKnown = urls.some((url) => member.peerUrls.includes(url));
  return isKnown ? messageAnswer(409, 'membership: peerURL exists') : refuseChange();
}

function answerUpdate(item: string, contentType: string, body: ByteString, member: Member): PlainAnswer {
  const urls = readChange(contentType, body);
  if (!Array.isArray(urls)) return urls;
  return faultOfStranger(item, member) ?? (isSameList(urls, member.peerUrls) ? UNCHANGED : refuseChange());
}

function isSameList(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify(one.toSorted()) === JSON.stringify(other.toSorted());
}

function faultOfItem(item: string): PlainAnswer | undefined {
  if (item === '') return methodNeedsItem();
  return idOf(item) === undefined ? messageAnswer(404, `No such member: ${item}`) : undefined;
}

function faultOfStranger(item: string, member: Member): PlainAnswer | undefined {
  const id = idOf(item);
  return id === member.id ? undefined : messageAnswer(404, `No such member: ${id}`);
}

/** The usual spelling of a 64-bit id in hexadecimal, undefined when it is none. */
function idOf(text: string): string | undefined {
  const digits = /^0*([0-9a-f]{1,16})$/i.exec(text)?.[1];
  return digits?.toLowerCase();
}

/** Ours. etcd would carry it out, even where it then waits for ever for a second member, or fail with status 500. */
function refuseChange(): PlainAnswer {
  return messageAnswer(409, 'the member list is fixed: this server stands alone');
}

/** @returns the peer URLs asked for, one at least and as etcd spells them, or the answer to a request without such. */
function readChange(contentType: string, body: ByteString): string[] | PlainAnswer {
  const semicolon = contentType.indexOf(';');
  // etcd minds case and spaces unless a parameter follows.
  const type = semicolon === -1 ? contentType : contentType.slice(0, semicolon).toLowerCase().trim();
  if (type !== 'application/json') {
    return messageAnswer(415, byteStringOf(`Bad Content-Type ${type}, accept application/json`));
  }
  const urls = readPeerUrls(body);
  return Array.isArray(urls) ? urls : messageAnswer(400, byteStringOf(urls));
}

/** @returns the URLs, or the fault of the body. */
function readPeerUrls(body: ByteString): string[] | string {
  const syntaxFault = faultOfJson(body);
  if (syntaxFault !== undefined) return syntaxFault;
  const request: unknown = JSON.parse(textOf(body));
  if (request !== null && (typeof request !== 'object' || Array.isArray(request))) {
    return typeFault(request, 'value', 'struct { PeerURLs []string "json:\\"peerURLs\\"" }');
  }
  let urls: string[] = [];
  for (const list of peerUrlLists(request)) {
    if (list !== null && !Array.isArray(list)) return typeFault(list, 'struct field .peerURLs', '[]string');
    const items: unknown[] = list ?? [];
    const misfit = items.find((item) => item !== null && typeof item !== 'string');
    if (misfit !== undefined) return typeFault(misfit, 'struct field .peerURLs', 'string');
    urls = items.map((item) => String(item ?? '').trim());
  }
  return faultOfUrls(urls) ?? urls.map(normalUrl);
}

/** Go fills a field from every name that is its own but for the case (as Unicode folds it), in their order. */
function peerUrlLists(request: object | null): unknown[] {
  return Object.entries(request ?? {}).flatMap(([name, list]) => (/^peerurls$/iu.test(name) ? [list] : []));
}

function typeFault(value: unknown, place: string, type: string): string {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `json: cannot unmarshal ${kind} into Go ${place} of type ${type}`;
}

function faultOfUrls(urls: readonly string[]): string | undefined {
  if (urls.length === 0) return 'no valid URLs given';
  for (const url of urls) {
    const fault = faultOfUrl(url);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** As etcd keeps a URL without a fault: only the scheme is in lower case. */
function normalUrl(url: string): string {
  return url.replace(SCHEME, (scheme) => scheme.toLowerCase());
}

const SCHEME = /^[a-z][a-z0-9+.-]*:/i;
const HOST_AND_PORT = /^(?:\[[^[\]]*\]|[^:[\]]*):[^:[\]]*$/;

function faultOfUrl(url: string): string | undefined {
  const [whole = '', fragment = ''] = cut(url, '#');
  const scheme = SCHEME.exec(whole)?.[0].toLowerCase() ?? '';
  const [rest = ''] = cut(whole.slice(scheme.length), '?');
  const [, authority = '', path = ''] = /^(?:\/\/([^/]*))?(.*)$/s.exec(rest) ?? [];
  const host = authority.slice(authority.lastIndexOf('@') + 1);
  const user = authority.slice(0, -host.length - 1);
  // What stands behind a scheme without a slash is neither a host nor a path to Go.
  const isOpaque = scheme !== '' && !rest.startsWith('/');

  const fault =
    faultOfStart(whole, scheme, rest) ??
    (isOpaque ? undefined : (faultOfHost(host) ?? faultOfUser(user) ?? faultOfEscape(path)));
  if (fault !== undefined) return `parse ${quote(whole)}: ${fault}`;
  const fragmentFault = faultOfEscape(fragment);
  if (fragmentFault !== undefined) return `parse ${quote(url)}: ${fragmentFault}`;
  if (!/^(?:https?|unixs?):$/.test(scheme)) return `URL scheme must be http, https, unix, or unixs: ${url}`;
  if (isOpaque || !HOST_AND_PORT.test(host)) return `URL address does not have the form "host:port": ${url}`;
  return path === '' ? undefined : `URL must not contain a path: ${url}`;
}

function cut(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function faultOfStart(whole: string, scheme: string, rest: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for.
  if (/[\x00-\x1f\x7f]/.test(whole)) return 'net/url: invalid control character in URL';
  if (whole.startsWith(':')) return 'missing protocol scheme';
  return scheme === '' && /^[^/]*:/.test(rest) ? 'first path segment in URL cannot contain colon' : undefined;
}

function faultOfHost(host: string): string | undefined {
  const bracket = host.lastIndexOf(']');
  if (host.startsWith('[') && bracket === -1) return "missing ']' in host";
  const colon = host.lastIndexOf(':');
  const port = host.startsWith('[') ? host.slice(bracket + 1) : colon === -1 ? '' : host.slice(colon);
  if (!/^(?::[0-9]*)?$/.test(port)) return `invalid port ${quote(port)} after host`;
  // Only bytes beyond ASCII may be escaped, and the percent sign before the zone of an IPv6 address.
  const wrong = /%(?!25|[89a-f][0-9a-f]).{0,2}|[ \\^`{|}]/is.exec(host)?.[0];
  if (wrong === undefined) return undefined;
  return wrong.startsWith('%')
    ? `invalid URL escape ${quote(wrong)}`
    : `invalid character ${quote(wrong)} in host name`;
}

function faultOfUser(user: string): string | undefined {
  return /^[\w.~!$&'()*+,;=:%@-]*$/.test(user) ? faultOfEscape(user) : 'net/url: invalid userinfo';
}

function faultOfEscape(text: string): string | undefined {
  const wrong = /%(?![0-9a-f]{2}).{0,2}/is.exec(text)?.[0];
  return wrong === undefined ? undefined : `invalid URL escape ${quote(wrong)}`;
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

/** As Go's `%q`. */
function quote(text: string): string {
  return `"${text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (character) => SHORT_ESCAPES[character] ?? escapeUnprintable(character))}"`;
}

function escapeUnprintable(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const [letter, digits] = code < 0x80 ? ['x', 2] : code < 0x1_0000 ? ['u', 4] : ['U', 8];
  return `\\${letter}${code.toString(16).padStart(Number(digits), '0')}`;
}
