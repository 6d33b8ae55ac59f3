/**
 * `/v2/members` of a server that is its own and only member. The list can be read; a change is checked as etcd checks
 * it, so that a mistake is told in the same words, and then refused unless it changes nothing. Source: etcd 3.4,
 * etcdserver/api/v2http/client.go.
 */
import { type ByteString, byteStringOf, textOf } from '../base/byte-string.ts';
import { ALLOW, type Member, renderMember, renderMembers } from './answers.ts';
import { type Field, faultOfJson, fieldsOf, takeTexts, valueOfJson } from './go-json.ts';
import { faultOfUrls, normalUrl } from './go-url.ts';
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
  const request = valueOfJson(body);
  const fields = request === null ? [] : fieldsOf(request);
  if (fields === undefined) {
    return typeFault(request, 'value', 'struct { PeerURLs []string "json:\\"peerURLs\\"" }');
  }
  const left: string[] = [];
  let urls: string[] = [];
  for (const list of peerUrlLists(fields)) {
    if (list !== null && !Array.isArray(list)) return typeFault(list, 'struct field .peerURLs', '[]string');
    const items: unknown[] = list ?? [];
    const misfit = items.find((item) => item !== null && typeof item !== 'string');
    if (misfit !== undefined) return typeFault(misfit, 'struct field .peerURLs', 'string');
    urls = (takeTexts(list, left) ?? []).map((text) => trimSpace(wellFormed(text)));
  }
  return faultOfUrls(urls) ?? urls.map(normalUrl);
}

/** Half of a surrogate pair, which an escape can say, is U+FFFD to Go. */
function wellFormed(text: string): string {
  return textOf(byteStringOf(text));
}

/** Unlike the engine's `trim`, Go takes U+0085 for a space, and U+FEFF for none. One by one: a pattern for the end would be quadratic. */
function trimSpace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && SPACE.test(text.charAt(start))) start++;
  while (end > start && SPACE.test(text.charAt(end - 1))) end--;
  return text.slice(start, end);
}

const SPACE = /\p{White_Space}/u;

/** Go fills a field from every name that is its own but for the case (as Unicode folds it), in their order. */
function peerUrlLists(fields: readonly Field[]): unknown[] {
  return fields.flatMap(([name, list]) => (/^peerurls$/iu.test(name) ? [list] : []));
}

function typeFault(value: unknown, place: string, type: string): string {
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `json: cannot unmarshal ${kind} into Go ${place} of type ${type}`;
}
