import { expect, test } from 'vitest';
import { byteStringOf } from '../../src/base/byte-string.ts';
import {
  renderLeaderStats,
  renderMachines,
  renderMember,
  renderMembers,
  renderMessage,
  renderSelfStats,
  renderStoreStats,
} from '../../src/protocol/answers.ts';

const member = {
  id: 'cafe1',
  name: 'd\u00e9j\u00e0 "vu"',
  peerUrls: ['http://127.0.0.1:2380'],
  clientUrls: ['http://127.0.0.1:2379', 'http://10.0.0.1:2379?a&b'],
};
const memberJson = byteStringOf(
  '{"id":"cafe1","name":"d\u00e9j\u00e0 \\"vu\\"","peerURLs":["http://127.0.0.1:2380"],"clientURLs":["http://127.0.0.1:2379","http://10.0.0.1:2379?a\\u0026b"]}',
);

test('members end with a newline, alone and in their list', () => {
  expect(renderMember(member)).toBe(`${memberJson}\n`);
  expect(renderMembers([member, member])).toBe(`{"members":[${memberJson},${memberJson}]}\n`);
});

test('machines are the client URLs, joined by comma and space', () => {
  expect(renderMachines([member])).toBe('http://127.0.0.1:2379, http://10.0.0.1:2379?a&b');
});

test('a message is escaped', () => {
  expect(renderMessage(byteStringOf('a <b>'))).toBe('{"message":"a \\u003cb\\u003e"}');
});

test('the counters of the store come in the order of etcd', () => {
  const counts = Array.from({ length: 15 }, (_, index) => index + 1);
  expect(renderStoreStats(counts, 16)).toBe(
    '{"getsSuccess":1,"getsFail":2,"setsSuccess":3,"setsFail":4,"deleteSuccess":5,"deleteFail":6,"updateSuccess":7,' +
      '"updateFail":8,"createSuccess":9,"createFail":10,"compareAndSwapSuccess":11,"compareAndSwapFail":12,' +
      '"compareAndDeleteSuccess":13,"compareAndDeleteFail":14,"expireCount":15,"watchers":16}',
  );
});

test('the server tells of itself as a leader without followers', () => {
  const startTimeMs = Date.UTC(2024, 0, 2, 3, 4, 5, 60);
  const stats = {
    name: 'a',
    id: 'cafe1',
    leaderId: 'cafe1',
    startTimeMs,
    leaderSinceMs: startTimeMs + 40,
    nowMs: startTimeMs + 86_100,
  };
  expect(renderSelfStats(stats)).toBe(
    '{"name":"a","id":"cafe1","state":"StateLeader","startTime":"2024-01-02T03:04:05.06Z","leaderInfo":{"leader":"cafe1",' +
      '"uptime":"1m26.06s","startTime":"2024-01-02T03:04:05.1Z"},"recvAppendRequestCnt":0,"sendAppendRequestCnt":0}',
  );
  expect(renderLeaderStats('cafe1')).toBe('{"leader":"cafe1","followers":{}}');
});
