import { describe, expect, test } from 'vitest';
import { FORM_TYPE, parseMediaType } from '../../src/protocol/content-type.ts';

describe('a content type', () => {
  test.each([
    ['', 'application/octet-stream'],
    [FORM_TYPE, FORM_TYPE],
    ['Application/X-WWW-Form-URLEncoded', FORM_TYPE],
    [`${FORM_TYPE}; charset=utf-8`, FORM_TYPE],
    [`${FORM_TYPE} ; charset = "utf-8;\\"" `, FORM_TYPE],
    [`${FORM_TYPE};`, FORM_TYPE],
    [`${FORM_TYPE}; a=1; `, FORM_TYPE],
    [`${FORM_TYPE}; a=""`, FORM_TYPE],
    [`${FORM_TYPE}; a*0=x; a*1=y`, FORM_TYPE],
    [`${FORM_TYPE}; a="\\x"`, FORM_TYPE],
    ['form', 'form'],
    ['multipart/form-data; boundary=x', 'multipart/form-data'],
  ])('%j is %j', (header, type) => {
    expect(parseMediaType(header)).toEqual({ type, cause: '' });
  });

  test.each([
    ['/', 'mime: no media type'],
    [';', 'mime: no media type'],
    ['x/', 'mime: expected token after slash'],
    ['a b/c', 'mime: expected slash after first token'],
    ['a/b/c', 'mime: unexpected content after media subtype'],
    ['a/b, c/d', 'mime: unexpected content after media subtype'],
    ['a/b; a=1; a=2', 'mime: duplicate parameter name'],
    ['a/b; a=1; A=1', 'mime: duplicate parameter name'],
  ])('%j is refused: %s', (header, cause) => {
    expect(parseMediaType(header)).toEqual({ type: '', cause });
  });

  test.each([
    'a/b; charset',
    'a/b; charset=',
    'a/b;;',
    'a/b; a=1;;',
    'a/b; a="',
    'a/b; a="\\"',
    'a/b; a=1 b=2',
    'a/b; =1',
  ])('a bad parameter leaves the type known: %j', (header) =>
    expect(parseMediaType(header)).toEqual({ type: 'a/b', cause: 'mime: invalid media parameter' }),
  );
});
