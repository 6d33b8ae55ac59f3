/** The log: JSON lines on stdout, or words and colours when stdout is somebody's terminal. */
import { type DestinationStream, type Logger, pino } from 'pino';
import type { LogLevel } from './config.ts';

/** How much is kept of what stdout does not take, until it does; lines beyond that are lost. */
const UNWRITTEN_BYTES_MAX = 256 * 1024;

export async function createLog(level: LogLevel): Promise<Logger> {
  if (level === 'silent') return pino({ level });
  if (!process.stdout.isTTY) return pino({ level }, stdoutForLines());
  // Loaded by whom it concerns only: it takes as long as a good part of a start.
  const { default: pretty } = await import('pino-pretty');
  // In step with the program, as the JSON lines are: the last words before an exit must be seen.
  return pino(
    { level },
    pretty({ sync: true, singleLine: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }),
  );
}

/** A file for the log on a disk that is full ends no server: the next line tries again, with those before it. */
function stdoutForLines(): DestinationStream {
  const stream = pino.destination({ dest: 1, sync: true, maxLength: UNWRITTEN_BYTES_MAX });
  stream.on('error', () => {}); // Without it a failure is thrown at whoever logs.
  // After a fatal line pino calls it, and it tries for ever, where a line in step with the program needs no flush.
  stream.flushSync = () => {};
  return stream;
}
