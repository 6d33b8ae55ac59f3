/** Short ways to speak of users and roles to a server. */
import { type Answer, ApiClient } from '../support/http.ts';

export interface Permissions {
  readonly read?: readonly string[];
  readonly write?: readonly string[];
}

export interface UserChange {
  readonly password?: string;
  readonly roles?: readonly string[];
  readonly grant?: readonly string[];
  readonly revoke?: readonly string[];
}

export interface RoleChange {
  readonly permissions?: { readonly kv: Permissions };
  readonly grant?: { readonly kv: Permissions };
  readonly revoke?: { readonly kv: Permissions };
}

/** The header of a user and its password. */
export function basic(name: string, password: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` };
}

export const ROOT_PASSWORD = 'r00t-password';
const asRoot = basic('root', ROOT_PASSWORD);

/** Speaks as one user, or without credentials. */
export class AuthClient {
  readonly api: ApiClient;
  readonly #headers: Record<string, string>;

  constructor(api: ApiClient, headers: Record<string, string> = {}) {
    this.api = api;
    this.#headers = headers;
  }

  /** @param body is sent as JSON, a text as it is. */
  send(method: string, target: string, body?: object | string): Promise<Answer> {
    const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    return this.api.send({ method, target, headers: this.#headers, ...(text === undefined ? {} : { body: text }) });
  }

  get(key: string): Promise<Answer> {
    return this.send('GET', `/v2/keys${key}`);
  }

  set(key: string, value = 'v'): Promise<Answer> {
    return this.send('PUT', `/v2/keys${key}?value=${value}`);
  }

  /** The commonest write: a form that takes the short way. */
  setByForm(key: string, value = 'v'): Promise<Answer> {
    const headers = { ...this.#headers, 'content-type': 'application/x-www-form-urlencoded' };
    return this.api.send({ method: 'PUT', target: `/v2/keys${key}`, headers, body: `value=${value}` });
  }

  putUser(user: string, change: UserChange): Promise<Answer> {
    return this.send('PUT', `/v2/auth/users/${user}`, { user, ...change });
  }

  putRole(role: string, change: RoleChange = {}): Promise<Answer> {
    return this.send('PUT', `/v2/auth/roles/${role}`, { role, ...change });
  }
}

export interface Rights {
  readonly root: AuthClient;
  as(name: string, password?: string): AuthClient;
  readonly guest: AuthClient;
}

/** Those who speak to a server on `api`. A user's password is its name, unless told. */
export function clientsOf(api: ApiClient): Rights {
  return {
    root: new AuthClient(api, asRoot),
    as: (name, password = name) => new AuthClient(api, basic(name, password)),
    guest: new AuthClient(api),
  };
}

/** Turns authentication on, with users who may do what is said and guests who may do nothing. */
export async function turnOn(api: ApiClient, users: Readonly<Record<string, Permissions>>): Promise<Rights> {
  const rights = clientsOf(api);
  const { root } = rights;
  await root.putUser('root', { password: ROOT_PASSWORD });
  await root.putRole('guest');
  for (const [name, kv] of Object.entries(users)) {
    await root.putRole(name, { permissions: { kv } });
    await root.putUser(name, { password: name, roles: [name] });
  }
  const { status, text } = await root.send('PUT', '/v2/auth/enable');
  if (status !== 200) throw new Error(`authentication is not on: ${text}`);
  return rights;
}

/** A client with a connection of its own, closed by `use`. */
export async function withApi<T>(url: string, use: (api: ApiClient) => Promise<T>): Promise<T> {
  const api = new ApiClient(url);
  try {
    return await use(api);
  } finally {
    await api.close();
  }
}
