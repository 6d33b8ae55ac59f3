/**
 * The answers that no key decides: fixed bodies and header values, the member list and the statistics. Field orders are
 * those of etcd 3.4, which clients and scripts have come to see. Statistics and versions end without a newline, members
 * with one, and their errors without.
 */
import { type ByteString, byteStringOf } from '../base/byte-string.ts';
import { escapeJson } from './json.ts';
import { formatGoDuration, formatTime } from './time.ts';

/** The version whose behaviour this server has. */
export const ETCD_VERSION = '3.4.23';
export const ETCD_CLUSTER_VERSION = '3.4.0';

export const CONTENT_TYPE_JSON = 'application/json';
export const CONTENT_TYPE_TEXT = 'text/plain; charset=utf-8';
export const CONTENT_TYPE_HTML = 'text/html; charset=utf-8';

/** Both go with `CONTENT_TYPE_TEXT` and `X-Content-Type-Options: nosniff`. */
export const NOT_FOUND_BODY = '404 page not found\n';
export const METHOD_NOT_ALLOWED_BODY = 'Method Not Allowed\n';
export const NO_SNIFF = 'nosniff';

/** For a path with a bad escape: no newline, and the connection closes. */
export const BAD_REQUEST_BODY = '400 Bad Request';

export const VERSION_BODY = `{"etcdserver":"${ETCD_VERSION}","etcdcluster":"${ETCD_CLUSTER_VERSION}"}`;
/** Shown as text, though they are JSON. The unhealthy one goes with status 503. */
export const HEALTH_BODIES = {
  healthy: '{"health":"true"}',
  unhealthy: '{"health":"false"}',
} as const;

/** Values of the `Allow` header of a 405. */
export const ALLOW = {
  keys: 'HEAD,GET,PUT,POST,DELETE',
  stats: 'GET',
  version: 'GET',
  health: 'GET',
  vars: 'GET',
  machines: 'GET,HEAD',
  members: 'GET,POST,DELETE,PUT',
  authLists: 'GET',
  authItems: 'GET,PUT,DELETE',
} as const;

/** The shape of errors outside the key space. */
export function renderMessage(message: ByteString): ByteString {
  return `{"message":"${escapeJson(message)}"}` as ByteString;
}

export interface Member {
  /** Hexadecimal. */
  id: string;
  name: string;
  peerUrls: readonly string[];
  clientUrls: readonly string[];
}

/** `/v2/members`. */
export function renderMembers(members: readonly Member[]): ByteString {
  return `{"members":[${members.map(memberJson).join(',')}]}\n` as ByteString;
}

/** `/v2/members/leader`. */
export function renderMember(member: Member): ByteString {
  return `${memberJson(member)}\n` as ByteString;
}

/** `/v2/machines`: text, without a newline. */
export function renderMachines(members: readonly Member[]): ByteString {
  return byteStringOf(members.flatMap(({ clientUrls }) => clientUrls).join(', '));
}

function memberJson({ id, name, peerUrls, clientUrls }: Member): string {
  return `{"id":${stringJson(id)},"name":${stringJson(name)},"peerURLs":${listJson(peerUrls)},"clientURLs":${listJson(clientUrls)}}`;
}

function listJson(texts: readonly string[]): string {
  return `[${texts.map(stringJson).join(',')}]`;
}

function stringJson(text: string): string {
  return `"${escapeJson(byteStringOf(text))}"`;
}

/** Counters of `/v2/stats/store` in the order in which it shows them (`watchers` follows) and snapshots keep them. */
export const STORE_COUNTERS = [
  'getsSuccess',
  'getsFail',
  'setsSuccess',
  'setsFail',
  'deleteSuccess',
  'deleteFail',
  'updateSuccess',
  'updateFail',
  'createSuccess',
  'createFail',
  'compareAndSwapSuccess',
  'compareAndSwapFail',
  'compareAndDeleteSuccess',
  'compareAndDeleteFail',
  'expireCount',
] as const;

/**
 * `/v2/stats/store`.
 * @param counts  one for each of STORE_COUNTERS.
 * @param watchersCount  open watches.
 */
export function renderStoreStats(counts: ArrayLike<number>, watchersCount: number): ByteString {
  const fields = STORE_COUNTERS.map((name, index) => `"${name}":${counts[index] ?? 0},`);
  return `{${fields.join('')}"watchers":${watchersCount}}` as ByteString;
}

export interface SelfStats {
  name: string;
  /** Hexadecimal, of this member and of the leader, which on a single server are the same. */
  id: string;
  leaderId: string;
  /** Epoch milliseconds. */
  startTimeMs: number;
  leaderSinceMs: number;
  nowMs: number;
}

/** `/v2/stats/self` of a leader without followers: nothing is sent or received, and etcd leaves out rates of 0. */
export function renderSelfStats(stats: SelfStats): ByteString {
  const uptime = byteStringOf(formatGoDuration(stats.nowMs - stats.leaderSinceMs));
  const leaderInfo = `{"leader":${stringJson(stats.leaderId)},"uptime":"${uptime}","startTime":"${formatTime(stats.leaderSinceMs)}"}`;
  return `{"name":${stringJson(stats.name)},"id":${stringJson(stats.id)},"state":"StateLeader","startTime":"${formatTime(stats.startTimeMs)}","leaderInfo":${leaderInfo},"recvAppendRequestCnt":0,"sendAppendRequestCnt":0}` as ByteString;
}

/** `/v2/stats/leader` of a leader without followers. */
export function renderLeaderStats(leaderId: string): ByteString {
  return `{"leader":${stringJson(leaderId)},"followers":{}}` as ByteString;
}
