/** What etcd and Go say against a URL, in their words. Source: etcd 3.4, pkg/types/urls.go; Go 1.19, net/url/url.go. */
import { type ByteString, byteStringOf, textOf } from '../base/byte-string.ts';
import { quotedCharacter } from './go-quote.ts';
import { describeBadEscape, describeEscape, isWellEscaped } from './percent.ts';

/** What etcd says against a list of peer URLs; undefined when it takes them. */
export function faultOfUrls(urls: readonly string[]): string | undefined {
  if (urls.length === 0) return 'no valid URLs given';
  for (const url of urls) {
    const fault = faultOfUrl(url);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** As etcd keeps a URL without a fault: only the scheme is in lower case. */
export function normalUrl(url: string): string {
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
  // Go reads what is before, in and behind the zone of an IPv6 address one by one, so that no escape reaches over an end.
  const zone = host.startsWith('[') ? host.slice(0, bracket).indexOf('%25') : -1;
  if (zone === -1) return faultOfHostPart(host, HOST_FAULT);
  return (
    faultOfHostPart(host.slice(0, zone), HOST_FAULT) ??
    faultOfHostPart(host.slice(zone, bracket), ZONE_FAULT) ??
    faultOfHostPart(host.slice(bracket), HOST_FAULT)
  );
}

/** Only bytes beyond ASCII may be escaped, and the percent sign. */
const HOST_FAULT = /%(?!25|[89a-f][0-9a-f]).{0,2}|[ \\^`{|}]/is;
/** Here it is the percent sign, the space, and what need not be escaped. */
const ZONE_FAULT = /%(?!2[0124-9a-e]|3[0-9a-e]|4[1-9a-f]|5[0-9abdf]|6[1-9a-f]|7[0-9ae]).{0,2}|[ \\^`{|}]/is;

function faultOfHostPart(part: string, fault: RegExp): string | undefined {
  const wrong = fault.exec(byteStringOf(part))?.[0] as ByteString | undefined;
  if (wrong === undefined) return undefined;
  return wrong.startsWith('%') ? textOf(describeEscape(wrong)) : `invalid character ${quote(wrong)} in host name`;
}

function faultOfUser(user: string): string | undefined {
  if (!/^[\w.~!$&'()*+,;=:%@-]*$/.test(user)) return 'net/url: invalid userinfo';
  const [name, password] = cut(user, ':');
  return faultOfEscape(name) ?? faultOfEscape(password);
}

function faultOfEscape(text: string): string | undefined {
  const bytes = byteStringOf(text);
  return isWellEscaped(bytes) ? undefined : textOf(describeBadEscape(bytes));
}

/** As Go's `%q`. */
function quote(text: string): string {
  return `"${Array.from(text, (character) => quotedCharacter(character, '"')).join('')}"`;
}
