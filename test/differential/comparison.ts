/**
 * What must be equal between an answer of the peer and one of the subject. Everything but: expiration times, which
 * may differ by two seconds, and remaining lifetimes, by one; the order of an unsorted listing, which etcd itself
 * changes from request to request; X-Raft-* and the cluster id, of which only the presence is part of the contract.
 */
import type { Answer } from '../support/http.ts';

const equalHeaders = [
  'content-type',
  'x-etcd-index',
  'allow',
  'location',
  'x-content-type-options',
  'access-control-allow-origin',
  'access-control-allow-methods',
  'access-control-allow-headers',
];
const presentHeaders = ['x-raft-index', 'x-raft-term', 'x-etcd-cluster-id'];

/** @returns one sentence for each difference; none when the two are equal. */
export function differencesOf(peer: Answer, subject: Answer, isSorted: boolean): string[] {
  const differences: string[] = [];
  if (peer.status !== subject.status) differences.push(`status: ${peer.status}, here ${subject.status}`);
  for (const name of equalHeaders)
    if (peer.headers[name] !== subject.headers[name])
      differences.push(`${name}: ${peer.headers[name] ?? 'absent'}, here ${subject.headers[name] ?? 'absent'}`);
  for (const name of presentHeaders)
    if ((peer.headers[name] === undefined) !== (subject.headers[name] === undefined))
      differences.push(`${name}: ${peer.headers[name] ?? 'absent'}, here ${subject.headers[name] ?? 'absent'}`);
  differences.push(...differencesOfBodies(peer.bytes.toString('latin1'), subject.bytes.toString('latin1'), isSorted));
  return differences;
}

/** The same for bodies, or lines of a watch, one byte a character. */
export function differencesOfBodies(peerBody: string, subjectBody: string, isSorted: boolean): string[] {
  if (peerBody === subjectBody) return [];
  const peer = isSorted ? peerBody : orderedListing(peerBody);
  const subject = isSorted ? subjectBody : orderedListing(subjectBody);
  if (withoutTimes(peer) !== withoutTimes(subject)) return [`body:\n  ${peer}\nhere\n  ${subject}`];
  return differencesOfTimes(peer, subject);
}

// A quote inside a JSON string is escaped, so these match fields only.
const expirationField = /"expiration":"([^"]*)"/g;
const ttlField = /"ttl":(-?\d+)/g;

function withoutTimes(body: string): string {
  return body.replace(expirationField, '"expiration":"…"').replace(ttlField, '"ttl":…');
}

function differencesOfTimes(peer: string, subject: string): string[] {
  const differences: string[] = [];
  const subjectTimes = [...subject.matchAll(expirationField)].map((match) => match[1] ?? '');
  for (const [ordinal, match] of [...peer.matchAll(expirationField)].entries()) {
    const [peerTime, subjectTime] = [match[1] ?? '', subjectTimes[ordinal] ?? ''];
    const apartMs = Math.abs(instantOf(peerTime) - instantOf(subjectTime));
    if (!(apartMs <= 2_000)) differences.push(`expiration: ${peerTime}, here ${subjectTime}`);
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$/.test(subjectTime))
      differences.push(`expiration: ${subjectTime} is not written as Go does`);
  }
  const subjectTtls = [...subject.matchAll(ttlField)].map((match) => Number(match[1]));
  for (const [ordinal, match] of [...peer.matchAll(ttlField)].entries())
    if (!(Math.abs(Number(match[1]) - (subjectTtls[ordinal] ?? Number.NaN)) <= 1))
      differences.push(`ttl: ${match[1]}, here ${subjectTtls[ordinal]}`);
  return differences;
}

function instantOf(time: string): number {
  return Date.parse(time.replace(/(\.\d{3})\d+Z$/, '$1Z'));
}

/** The body with the entries of each `nodes` list in the order of their bytes, and no other byte changed. */
function orderedListing(body: string): string {
  const opening = '"nodes":[';
  const start = body.indexOf(opening);
  if (start < 0) return body;
  const listStart = start + opening.length;
  const { entries, end } = entriesOf(body, listStart);
  const ordered = entries.map(orderedListing).sort();
  return `${body.slice(0, listStart)}${ordered.join(',')}${orderedListing(body.slice(end))}`;
}

/** The objects of the JSON list whose first byte is at `offset`, and where its closing bracket is. */
function entriesOf(body: string, offset: number): { entries: string[]; end: number } {
  const entries: string[] = [];
  let entryStart = offset;
  let depth = 0;
  for (let at = offset; at < body.length; at++) {
    const character = body[at];
    if (character === '"') at = closingQuote(body, at);
    else if (character === '{' || character === '[') {
      if (depth === 0) entryStart = at;
      depth++;
    } else if (character === '}' || character === ']') {
      if (depth === 0) return { entries, end: at };
      depth--;
      if (depth === 0) entries.push(body.slice(entryStart, at + 1));
    }
  }
  return { entries, end: body.length };
}

function closingQuote(body: string, opening: number): number {
  let at = opening + 1;
  while (at < body.length && body[at] !== '"') at += body[at] === '\\' ? 2 : 1;
  return at;
}
