import { expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { answerAuthOff } from '../../src/protocol/auth-off.ts';

const ROOT = '{"role":"root","permissions":{"kv":{"read":["/*"],"write":["/*"]}}}';
const message = (text: string) => `{"message":"${text}"}`;

test.each([
  ['GET', 'enable', 200, '{"enabled":false}\n'],
  ['PUT', 'enable', 409, message('auth: No root user available, please create one')],
  ['DELETE', 'enable', 409, message('auth: already disabled')],
  ['GET', 'users', 200, '{"users":null}\n'],
  ['GET', 'users/', 200, '{"users":null}\n'],
  ['GET', 'users/nobody', 404, message('auth: User nobody does not exist.')],
  ['DELETE', 'users/nobody', 404, message('auth: User nobody does not exist')],
  ['PUT', 'users/nobody', 501, message('auth: this server keeps no users and roles')],
  ['GET', 'roles', 200, `{"roles":[${ROOT}]}\n`],
  ['GET', 'roles/root', 200, `${ROOT}\n`],
  ['GET', 'roles/root/', 200, `${ROOT}\n`],
  ['DELETE', 'roles/root', 403, message('auth: Cannot modify role root: is root role.')],
  ['GET', 'roles/\xff', 404, message('auth: Role \\ufffd does not exist.')],
  ['DELETE', 'roles/x', 404, message("auth: Role x doesn't exist.")],
  ['PUT', 'roles/x', 501, message('auth: this server keeps no users and roles')],
])('%s %s is answered with %i', (method, path, status, body) => {
  const contentType = 'application/json';
  const answer = answerAuthOff(method, `/v2/auth/${path}` as ByteString);
  expect(answer).toMatchObject({ status, body, contentType, hasClusterId: true });
});

test.each(['enable', 'users/x', 'roles/x'])('POST to %s is refused', (path) => {
  const answer = answerAuthOff('POST', `/v2/auth/${path}` as ByteString);
  expect(answer).toMatchObject({ status: 405, hasClusterId: false, headers: { Allow: 'GET,PUT,DELETE' } });
});

test('a list can only be read', () => {
  const answer = answerAuthOff('POST', '/v2/auth/users' as ByteString);
  expect(answer).toMatchObject({ status: 405, headers: { Allow: 'GET' }, body: 'Method Not Allowed\n' });
});

test('more than a name is no path', () => {
  const answer = answerAuthOff('HEAD', '/v2/auth/roles/a/b' as ByteString);
  expect(answer).toMatchObject({ status: 400, body: message('Invalid path'), hasClusterId: false });
});

test.each(['', 'nope', 'enable/', 'usersx'])('nothing is found at %j', (path) => {
  const answer = answerAuthOff('GET', `/v2/auth/${path}` as ByteString);
  expect(answer).toMatchObject({ status: 404, body: '404 page not found\n', hasClusterId: false });
});
