/**
 * The grammar of a request on the key space: which parameters it may carry, in which order they are checked (the first
 * failure is the answer), and which command it means. Sources: etcd 3.4, etcdserver/api/v2http/client.go
 * (parseKeyRequest) and etcdserver/apply_v2.go.
 *
 *   1  everything decodes, content type before body before query      210
 *   2  prevIndex, waitIndex                                           203
 *   3  recursive, sorted, wait, dir, quorum, stream                   209
 *   4  wait only with GET                                             209
 *   5  prevValue not empty                                            201
 *   6  noValueOnSuccess                                               209
 *   7  ttl; an empty one counts as absent                             202
 *   8  prevExist, refresh                                             209, causes without quotes
 *   9  refresh without a value, refresh with a ttl                    211, 212
 *
 * All are checked on every method, whether or not they mean anything there. A command then carries only what its
 * operation looks at, so that no frame or journal record holds a condition that was ignored.
 */
import { type ByteString, byteStringOf } from '../base/byte-string.ts';
import { Flag, type KeysCommand, Op } from './command.ts';
import { FORM_TYPE, parseMediaType } from './content-type.ts';
import type { ApiError } from './errors.ts';
import {
  addQuery,
  EMPTY_FORM,
  type Form,
  type FormFault,
  parseForm,
  parsePlainValueForm,
  type ReadBody,
} from './form.ts';
import { isPlain } from './json.ts';

export type KeysMethod = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';

/** The parameters once they have passed all checks. */
interface Parameters {
  value: ByteString;
  /** Whether it is in JSON what it is here; undefined when nobody has looked yet. */
  isValuePlain: boolean | undefined;
  ttlNs: bigint | undefined;
  dir: boolean;
  prevValue: ByteString;
  prevIndex: bigint;
  prevExist: boolean | undefined;
  refresh: boolean;
  noValueOnSuccess: boolean;
  recursive: boolean;
  sorted: boolean;
  quorum: boolean;
  wait: boolean;
  waitIndex: bigint;
  stream: boolean;
}

/** What becomes of the value that is all of a body, by the method and the plain query of its request. */
export interface PlainWrite {
  readonly op: Op;
  /** Those of its conditions. */
  readonly flags: number;
  readonly prevValue: ByteString;
  readonly prevIndex: bigint;
}

const NOTHING = '' as ByteString;
const NO_PARAMETERS = checkParameters('PUT', EMPTY_FORM) as Parameters;

/**
 * Understands one request.
 * @param path  the key: decoded, clean, absolute, without trailing slash; the root is `''`.
 * @param query  raw, without `?`; `''` when absent.
 * @param contentType  value of the header; `''` when absent.
 * @param body  may be empty whenever it is not a form of PUT or POST: then nobody looks at it. One that was read already is
 *   what was found in it.
 * @param bodyTooLarge  the body went over the limit and was not kept. That is a fault only if it would have been a form.
 * @returns a command, or the refusal (recognised by its `code`), whose index is 0.
 */
export function parseKeysRequest(
  method: KeysMethod,
  path: ByteString,
  query: string,
  contentType: string,
  body: ByteString | ReadBody,
  bodyTooLarge = false,
): KeysCommand | ApiError {
  const plainSet = method === 'PUT' && query === '' ? readPlainSet(path, contentType, body, bodyTooLarge) : undefined;
  if (plainSet !== undefined) return plainSet;
  const form = readForm(method, query, contentType, body, bodyTooLarge);
  if ('fault' in form) return refuse(210, form.fault);
  const parameters = form === EMPTY_FORM ? NO_PARAMETERS : checkParameters(method, form);
  if ('code' in parameters) return parameters;
  if (typeof body !== 'string') parameters.isValuePlain = body.isValuePlain;
  const command = commandOf(method, path, parameters);
  command.isRecursive = parameters.recursive;
  return command;
}

/**
 * The commonest queries of a request whose body is nothing but a value: none, or one condition that needs no decoding.
 * The same as `parseKeysRequest` finds, without a form and its parameters: native-bench, "compare-and-swap" and "in-order
 * POST".
 * @returns undefined when the request must go through `parseKeysRequest`.
 */
export function readPlainWrite(method: KeysMethod, query: string): PlainWrite | undefined {
  if (query === '') return method === 'PUT' ? PLAIN_SET : method === 'POST' ? PLAIN_IN_ORDER : undefined;
  if (method !== 'PUT') return undefined;
  if (PLAIN_PREV_VALUE.test(query)) return plainWrite(Op.compareAndSwap, 0, query.slice('prevValue='.length));
  if (PLAIN_PREV_INDEX.test(query)) {
    return plainWrite(Op.compareAndSwap, Flag.hasPrevIndex, '', BigInt(query.slice('prevIndex='.length)));
  }
  if (query === 'prevExist=false') return PLAIN_CREATE;
  return query === 'prevExist=true' ? PLAIN_UPDATE : undefined;
}

const PLAIN_SET = plainWrite(Op.set);
const PLAIN_CREATE = plainWrite(Op.create);
const PLAIN_UPDATE = plainWrite(Op.update);
const PLAIN_IN_ORDER = plainWrite(Op.createInOrder);
/** What stands for itself in a query: not `% + & ;`, and ASCII. */
const PLAIN_PREV_VALUE = /^prevValue=[!-$'-*,-:<-~]+$/;
/** Not 0, which is no condition, and of 64 bits for certain. */
const PLAIN_PREV_INDEX = /^prevIndex=[1-9][0-9]{0,17}$/;

function plainWrite(op: Op, flags = 0, prevValue = '', prevIndex = 0n): PlainWrite {
  return { op, flags, prevValue: prevValue as ByteString, prevIndex };
}

/** The commonest write, a set of a value and nothing else, without the detour through forms and parameters. */
function readPlainSet(
  path: ByteString,
  contentType: string,
  body: ByteString | ReadBody,
  bodyTooLarge: boolean,
): KeysCommand | undefined {
  if (contentType !== FORM_TYPE || bodyTooLarge || typeof body !== 'string') return undefined;
  const value = parsePlainValueForm(body);
  return value === undefined ? undefined : withValue(bareCommand(Op.set, path, 0), value, isPlain(value));
}

function readForm(
  method: KeysMethod,
  query: string,
  contentType: string,
  body: ByteString | ReadBody,
  bodyTooLarge: boolean,
): Readonly<Form> | FormFault {
  let formBody: ByteString | ReadBody = NOTHING;
  if (method === 'PUT' || method === 'POST') {
    const media = contentType === FORM_TYPE ? { type: FORM_TYPE, cause: '' } : parseMediaType(contentType);
    if (bodyTooLarge && media.type === FORM_TYPE) return { fault: 'http: POST too large' as ByteString };
    if (media.cause !== '') return { fault: byteStringOf(media.cause) };
    if (media.type === FORM_TYPE) formBody = body;
  }
  if (typeof formBody !== 'string') return addQuery(formBody.form, byteStringOf(query));
  return formBody === '' && query === '' ? EMPTY_FORM : parseForm(formBody, byteStringOf(query));
}

/** Whether the body of a PUT or POST is a form. */
export function isForm(contentType: string): boolean {
  return contentType === FORM_TYPE || parseMediaType(contentType).type === FORM_TYPE;
}

function checkParameters(method: KeysMethod, form: Readonly<Form>): Parameters | ApiError {
  const prevIndex = parseUint64(form.prevIndex);
  if (prevIndex === undefined) return refuse(203, 'invalid value for "prevIndex"');
  const waitIndex = parseUint64(form.waitIndex);
  if (waitIndex === undefined) return refuse(203, 'invalid value for "waitIndex"');

  const recursive = parseBool(form.recursive);
  if (recursive === undefined) return refuse(209, 'invalid value for "recursive"');
  const sorted = parseBool(form.sorted);
  if (sorted === undefined) return refuse(209, 'invalid value for "sorted"');
  const wait = parseBool(form.wait);
  if (wait === undefined) return refuse(209, 'invalid value for "wait"');
  const dir = parseBool(form.dir);
  if (dir === undefined) return refuse(209, 'invalid value for "dir"');
  const quorum = parseBool(form.quorum);
  if (quorum === undefined) return refuse(209, 'invalid value for "quorum"');
  const stream = parseBool(form.stream);
  if (stream === undefined) return refuse(209, 'invalid value for "stream"');
  if (wait && method !== 'GET') return refuse(209, '"wait" can only be used with GET requests');

  if (form.prevValue === '') return refuse(201, '"prevValue" cannot be empty');
  const noValueOnSuccess = parseBool(form.noValueOnSuccess);
  if (noValueOnSuccess === undefined) return refuse(209, 'invalid value for "noValueOnSuccess"');
  const hasTtl = form.ttl !== undefined && form.ttl !== '';
  const ttlSeconds = hasTtl ? parseUint64(form.ttl) : 0n;
  if (ttlSeconds === undefined) return refuse(202, 'invalid value for "ttl"');
  const prevExist = parseBool(form.prevExist);
  if (prevExist === undefined) return refuse(209, 'invalid value for prevExist');
  const refresh = parseBool(form.refresh);
  if (refresh === undefined) return refuse(209, 'invalid value for refresh');
  const value = form.value ?? NOTHING;
  if (refresh && value !== '') return refuse(211, 'A value was provided on a refresh');
  if (refresh && !hasTtl) return refuse(212, 'No TTL value set');

  return {
    value,
    isValuePlain: undefined,
    // Go multiplies in 64 bits and wraps around; clients see that (a huge TTL is answered with what is left of it), so we do too.
    ttlNs: hasTtl ? BigInt.asIntN(64, ttlSeconds * 1_000_000_000n) : undefined,
    dir,
    prevValue: form.prevValue ?? NOTHING,
    prevIndex,
    prevExist: form.prevExist === undefined ? undefined : prevExist,
    refresh,
    noValueOnSuccess,
    recursive,
    sorted,
    quorum,
    wait,
    waitIndex,
    stream,
  };
}

function commandOf(method: KeysMethod, path: ByteString, parameters: Parameters): KeysCommand {
  switch (method) {
    case 'GET':
      // A quorum read is a write to etcd's log, and knows no waiting.
      return parameters.wait && !parameters.quorum ? watchOf(path, parameters) : getOf(path, parameters, 0);
    case 'HEAD':
      return getOf(path, parameters, Flag.head);
    case 'PUT':
      return putOf(path, parameters);
    case 'POST':
      return writeOf(Op.createInOrder, path, parameters, dirFlag(parameters));
    case 'DELETE':
      return deleteOf(path, parameters);
  }
}

function getOf(path: ByteString, { recursive, sorted }: Parameters, headFlag: number): KeysCommand {
  const flags = headFlag | (recursive ? Flag.recursive : 0) | (sorted ? Flag.sorted : 0);
  return bareCommand(Op.get, path, flags);
}

function watchOf(path: ByteString, { recursive, stream, waitIndex }: Parameters): KeysCommand {
  const flags = (recursive ? Flag.recursive : 0) | (stream ? Flag.stream : 0);
  const command = bareCommand(Op.watch, path, flags);
  command.waitIndex = waitIndex;
  return command;
}

function putOf(path: ByteString, parameters: Parameters): KeysCommand {
  const refreshFlag = parameters.refresh ? Flag.refresh : 0;
  // prevExist=false is a create, which looks at no other condition and does not know refreshing.
  if (parameters.prevExist === false) return writeOf(Op.create, path, parameters, dirFlag(parameters));
  if (hasCondition(parameters)) {
    return withConditions(writeOf(Op.compareAndSwap, path, parameters, refreshFlag), parameters);
  }
  if (parameters.prevExist) return writeOf(Op.update, path, parameters, refreshFlag);
  return writeOf(Op.set, path, parameters, refreshFlag | dirFlag(parameters));
}

function deleteOf(path: ByteString, parameters: Parameters): KeysCommand {
  if (hasCondition(parameters)) return withConditions(bareCommand(Op.compareAndDelete, path, 0), parameters);
  return bareCommand(Op.delete, path, dirFlag(parameters) | (parameters.recursive ? Flag.recursive : 0));
}

function writeOf(op: Op, path: ByteString, parameters: Parameters, flags: number): KeysCommand {
  const { value, isValuePlain, ttlNs, noValueOnSuccess } = parameters;
  const command = bareCommand(op, path, flags | (noValueOnSuccess ? Flag.noValueOnSuccess : 0));
  command.ttlNs = ttlNs;
  return withValue(command, value, isValuePlain ?? isPlain(value));
}

function withValue(command: KeysCommand, value: ByteString, isValuePlain: boolean): KeysCommand {
  command.value = value;
  if (!isValuePlain) command.flags &= ~Flag.valuePlain;
  return command;
}

function withConditions(command: KeysCommand, { prevValue, prevIndex }: Parameters): KeysCommand {
  command.prevValue = prevValue;
  command.prevIndex = prevIndex;
  if (prevIndex > 0n) command.flags |= Flag.hasPrevIndex;
  return command;
}

function bareCommand(op: Op, path: ByteString, flags: number): KeysCommand {
  return {
    op,
    flags: flags | Flag.valuePlain | (isPlain(path) ? Flag.pathPlain : 0),
    path,
    value: NOTHING,
    prevValue: NOTHING,
    prevIndex: 0n,
    waitIndex: 0n,
    isRecursive: false,
    ttlNs: undefined,
  };
}

function hasCondition({ prevValue, prevIndex }: Parameters): boolean {
  return prevIndex > 0n || prevValue !== '';
}

function dirFlag({ dir }: Parameters): number {
  return dir ? Flag.dir : 0;
}

const UINT64_MAX = 2n ** 64n - 1n;

/** @returns 0 when absent, undefined when not a decimal number of 64 bits. Source: strconv.ParseUint, base 10. */
function parseUint64(text: ByteString | undefined): bigint | undefined {
  if (text === undefined) return 0n;
  if (!/^[0-9]+$/.test(text)) return undefined;
  // Without its leading zeros a number of more than 20 digits is too large; BigInt would take long over millions.
  const digits = text.replace(/^0+(?=.)/, '');
  if (digits.length > 20) return undefined;
  const number = BigInt(digits);
  return number > UINT64_MAX ? undefined : number;
}

/** @returns false when absent, undefined when neither a true nor a false. Source: strconv.ParseBool. */
function parseBool(text: ByteString | undefined): boolean | undefined {
  switch (text) {
    case '1':
    case 't':
    case 'T':
    case 'true':
    case 'TRUE':
    case 'True':
      return true;
    case undefined:
    case '0':
    case 'f':
    case 'F':
    case 'false':
    case 'FALSE':
    case 'False':
      return false;
    default:
      return undefined;
  }
}

function refuse(code: number, cause: string): ApiError {
  return { code, cause: cause as ByteString, index: 0 };
}
