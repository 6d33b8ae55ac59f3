/** The disk has failed us, or the directory is gone. Nothing that was not durable before will be acknowledged. */
export class JournalError extends Error {
  override readonly name = 'JournalError';
  /** The system's word where it has one: ENOSPC, EIO, ENOENT … */
  readonly code: string;

  constructor(doing: string, cause: unknown) {
    super(`${doing}: ${messageOf(cause)}`, { cause });
    this.code = codeOf(cause);
  }
}

/** The files do not say what was written: no crash does that. Nothing has been changed. */
export class DamagedJournalError extends Error {
  override readonly name = 'DamagedJournalError';
  readonly code = 'JOURNAL_DAMAGED';
  readonly file: string;
  /** Up to here the file is sound, in bytes; 0 when none of it can be used. */
  readonly offset: number;
  readonly finding: string;

  constructor(file: string, offset: number, finding: string, advice = '') {
    super(`${file} is damaged at offset ${offset}: ${finding}.${advice}`);
    this.file = file;
    this.offset = offset;
    this.finding = finding;
  }
}

export function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : 'EIO';
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
