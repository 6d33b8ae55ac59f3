import { expect, test } from 'vitest';
import type { ByteString } from '../../src/base/byte-string.ts';
import { AuthOp, needsRoot, parseAuthRequest, roleTextOf, userOf } from '../../src/protocol/auth-request.ts';

const parse = (method: string, path: string) => parseAuthRequest(method, `/v2/auth/${path}` as ByteString);
const message = (text: string) => `{"message":"${text}"}`;

test.each([
  ['GET', 'enable', AuthOp.getEnabled, ''],
  ['PUT', 'enable', AuthOp.enable, ''],
  ['DELETE', 'enable', AuthOp.disable, ''],
  ['GET', 'users', AuthOp.getUsers, ''],
  ['GET', 'users/', AuthOp.getUsers, ''],
  ['GET', 'users/a', AuthOp.getUser, 'a'],
  ['PUT', 'users/a', AuthOp.putUser, 'a'],
  ['DELETE', 'users/a/', AuthOp.deleteUser, 'a'],
  ['GET', 'roles', AuthOp.getRoles, ''],
  ['GET', 'roles/\xff', AuthOp.getRole, '\xff'],
  ['PUT', 'roles/a', AuthOp.putRole, 'a'],
  ['DELETE', 'roles/a', AuthOp.deleteRole, 'a'],
])('%s %s is understood', (method, path, op, name) => {
  expect(parse(method, path)).toEqual({ op, name });
});

test('anybody may ask for the switch, and for nothing else', () => {
  const needs = Object.values(AuthOp).map((op) => needsRoot({ op, name: '' as ByteString }));
  expect(needs.filter((need) => !need)).toHaveLength(1);
  expect(needsRoot({ op: AuthOp.getEnabled, name: '' as ByteString })).toBe(false);
});

test.each(['enable', 'users/x', 'roles/x'])('POST to %s is refused', (path) => {
  expect(parse('POST', path)).toMatchObject({
    status: 405,
    hasClusterId: false,
    headers: { Allow: 'GET,PUT,DELETE' },
  });
});

test('a list can only be read', () => {
  expect(parse('POST', 'users')).toMatchObject({
    status: 405,
    headers: { Allow: 'GET' },
    body: 'Method Not Allowed\n',
  });
});

test('more than a name is no path', () => {
  expect(parse('HEAD', 'roles/a/b')).toMatchObject({
    status: 400,
    body: message('Invalid path'),
    hasClusterId: false,
  });
});

test.each(['', 'nope', 'enable/', 'usersx'])('nothing is found at %j', (path) => {
  expect(parse('GET', path)).toMatchObject({ status: 404, body: '404 page not found\n', hasClusterId: false });
});

const userRequest = { op: AuthOp.putUser, name: 'a' as ByteString };
const roleRequest = { op: AuthOp.putRole, name: 'a' as ByteString };

test.each([
  '',
  'x',
  '[]',
  '1',
  '"a"',
  '{"user":1}',
  '{"user":"a"',
  '{"user":"a","roles":"b"}',
  '{"user":"a","grant":[1]}',
])('the body %j is no user', (body) => {
  const answer = userOf(userRequest, body as ByteString);
  expect(answer).toMatchObject({ status: 400, body: message('Invalid JSON in request body.') });
});

test.each(['null', '{}', '{"user":"b"}'])('the user of %j is not the one of the path', (body) => {
  const text = 'User JSON name does not match the name in the URL';
  expect(userOf(userRequest, body as ByteString)).toMatchObject({ status: 400, body: message(text) });
});

test('fields are found whatever their case, unknown ones are passed over, and so is what follows', () => {
  const body =
    '{"USER":"a","paſſword":"p","x":[{}],"constructor":1,"__proto__":{"user":"b"},"Roles":["r",null],"grant":null} and more' as ByteString;
  expect(userOf(userRequest, Buffer.from(body).latin1Slice() as ByteString)).toEqual({
    user: 'a',
    password: 'p',
    roles: ['r', ''],
    grant: null,
    revoke: null,
  });
});

test('a field that comes again is taken in again, and a null leaves what was given', () => {
  const body =
    '{"user":"b","user":"a","user":null,"password":"p","roles":["r","s"],"Roles":[null,"t","u"],"grant":["r"],"grant":null}' as ByteString;
  expect(userOf(userRequest, body)).toEqual({
    user: 'a',
    password: 'p',
    roles: ['r', 't', 'u'],
    grant: null,
    revoke: null,
  });
});

test.each([
  ['["r","s","t"],"roles":["u"],"roles":[null,null]', ['u', 's']],
  ['["r","s"],"roles":["t"],"roles":[null,null,null]', ['t', 's', '']],
  ['["r","s"],"roles":[],"roles":[null,null]', ['', '']],
  ['["r","s"],"roles":null,"roles":[null]', ['']],
])('a longer list finds what a shorter one has left standing: %s', (lists, roles) => {
  expect(userOf(userRequest, `{"user":"a","roles":${lists}}` as ByteString)).toMatchObject({ roles });
  const body = `{"role":"a","permissions":{"kv":{"read":${lists.replaceAll('roles', 'read')}}}}` as ByteString;
  expect(JSON.parse(String(roleTextOf(roleRequest, body))).permissions.kv.read).toEqual(roles);
});

test.each([
  '{"user":1,"user":"a"}',
  '{"user":"a","roles":{},"roles":[]}',
  '{"user":"a","roles":[1],"roles":["r:\\":"]}',
])('the body %j is no user for what comes first', (body) => {
  expect(userOf(userRequest, body as ByteString)).toMatchObject({ status: 400 });
});

test.each([
  ['{"role":"a"}', '{"role":"a","permissions":{"kv":{"read":null,"write":null}}}'],
  [
    '{"role":"a","permissions":{"kv":{"read":["/<"]}},"grant":{},"revoke":null}',
    '{"role":"a","permissions":{"kv":{"read":["/\\u003c"],"write":null}},"grant":{"kv":{"read":null,"write":null}}}',
  ],
  [
    '{"role":"a","permissions":{"kv":{"read":["/a"]},"kv":{"write":["/b"]}},"permissions":{"kv":{"read":["/c"]}},"grant":{},"grant":null}',
    '{"role":"a","permissions":{"kv":{"read":["/c"],"write":["/b"]}}}',
  ],
])('the role %j goes to the store as etcd would write it', (body, text) => {
  expect(roleTextOf(roleRequest, body as ByteString)).toBe(text);
});

test.each(['{"role":"a","permissions":[]}', '{"role":"a","permissions":{"kv":{"read":{}}}}', '{"role":"a","grant":1}'])(
  'the body %j is no role',
  (body) => {
    expect(roleTextOf(roleRequest, body as ByteString)).toMatchObject({ status: 400 });
  },
);
