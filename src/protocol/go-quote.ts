/** How Go shows, in quotes, what may not be printable. Source: Go 1.19, strconv/quote.go. */

const CONTROL_ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** Whether Go shows a character as it is, unless it is the quote or a backslash. */
function isPrintable(character: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character);
}

/** A character inside the quotes. */
export function quotedCharacter(character: string, quote: '"' | "'"): string {
  if (character === quote || character === '\\') return `\\${character}`;
  return isPrintable(character) ? character : (CONTROL_ESCAPES[character] ?? escapeOfCode(character));
}

function escapeOfCode(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const [letter, digits] = code < 0x80 ? ['x', 2] : code < 0x1_0000 ? ['u', 4] : ['U', 8];
  return `\\${letter}${code.toString(16).padStart(Number(digits), '0')}`;
}
