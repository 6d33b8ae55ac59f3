/**
 * The Content-Type of a request as Go's mime.ParseMediaType (Go 1.19) reads it. The key space asks one question of it,
 * whether the body is a form, but a malformed one is refused with Go's own words. Values of parameters are of no
 * interest here, so RFC 2231 continuations are not put together: that step cannot fail.
 */
export interface MediaType {
  /** In lower case, without parameters; empty when there is none to speak of. */
  type: string;
  /** What is wrong with the header; empty when nothing is. */
  cause: string;
}

export const FORM_TYPE = 'application/x-www-form-urlencoded';

const INVALID_PARAMETER = 'mime: invalid media parameter';
const DUPLICATE_PARAMETER = 'mime: duplicate parameter name';

const TOKEN = "[!#$%&'*+\\-.0-9A-Z^_`a-z{|}~]+";
const LEADING_TOKEN = new RegExp(`^(?:${TOKEN})?`);
const SPECIAL = '[()<>@,;:\\\\"/[\\]?=]';
/** A backslash quotes one of the special characters; before any other it stands for itself. */
const QUOTED = `"(?:\\\\${SPECIAL}|\\\\(?!${SPECIAL})|[^"\\\\\\r\\n])*"`;
const PARAMETER = new RegExp(`\\s*;\\s*(${TOKEN})\\s*=\\s*(?:${TOKEN}|${QUOTED})`, 'y');

/** @param header  the value of the header; empty when absent, which Go takes for application/octet-stream. */
export function parseMediaType(header: string): MediaType {
  if (header === '') return { type: 'application/octet-stream', cause: '' };
  const end = header.indexOf(';');
  const base = end === -1 ? header : header.slice(0, end);
  const type = base.toLowerCase().trim();
  const typeFault = faultOfType(type);
  if (typeFault !== '') return { type: '', cause: typeFault };
  const cause = end === -1 ? '' : faultOfParameters(header, end);
  return { type: cause === DUPLICATE_PARAMETER ? '' : type, cause };
}

function faultOfType(text: string): string {
  const type = leadingToken(text);
  if (type === '') return 'mime: no media type';
  if (type === text) return '';
  if (text[type.length] !== '/') return 'mime: expected slash after first token';
  const rest = text.slice(type.length + 1);
  const subtype = leadingToken(rest);
  if (subtype === '') return 'mime: expected token after slash';
  return subtype === rest ? '' : 'mime: unexpected content after media subtype';
}

function faultOfParameters(header: string, start: number): string {
  const names = new Set<string>();
  PARAMETER.lastIndex = start;
  for (let position = start; position < header.length; position = PARAMETER.lastIndex) {
    const name = PARAMETER.exec(header)?.[1]?.toLowerCase();
    if (name === undefined) return isIgnorableEnd(header.slice(position)) ? '' : INVALID_PARAMETER;
    if (names.has(name)) return DUPLICATE_PARAMETER;
    names.add(name);
  }
  return '';
}

/** One final semicolon is forgiven. */
function isIgnorableEnd(rest: string): boolean {
  const trimmed = rest.trim();
  return trimmed === '' || trimmed === ';';
}

function leadingToken(text: string): string {
  return LEADING_TOKEN.exec(text)?.[0] ?? '';
}
