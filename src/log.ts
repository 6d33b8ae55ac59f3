/**
 * The log: JSON lines on stdout, or words and colours when stdout is somebody's terminal. Its library is loaded by whom it concerns only: it
 * takes as long as a good part of a start, and a server in somebody's tests logs nothing.
 */
import type { destination as Destination, DestinationStream, Logger } from 'pino';
import type { LogLevel } from './config.ts';

export type Log = Pick<Logger, 'error' | 'fatal' | 'info' | 'warn'>;

/** How much is kept of what stdout does not take, until it does; lines beyond that are lost. */
const UNWRITTEN_BYTES_MAX = 256 * 1024;

const sayNothing = (): void => {};
const SILENT: Log = { error: sayNothing, fatal: sayNothing, info: sayNothing, warn: sayNothing };

export async function createLog(level: LogLevel): Promise<Log> {
  return level === 'silent' ? SILENT : createPinoLog(level);
}

async function createPinoLog(level: LogLevel): Promise<Log> {
  const { destination, pino } = await import('pino');
  let log: Logger;
  if (process.stdout.isTTY) {
    const { default: pretty } = await import('pino-pretty');
    // In step with the program, as the JSON lines are: the last words before an exit must be seen.
    const options = { sync: true, singleLine: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' };
    log = pino({ level }, pretty(options));
  } else log = pino({ level }, keepingLines(destination));
  return log;
}

/** A file for the log on a disk that is full ends no server: the next line tries again, with those before it. */
function keepingLines(destination: typeof Destination): DestinationStream {
  const stream = destination({ dest: 1, sync: true, maxLength: UNWRITTEN_BYTES_MAX });
  stream.on('error', sayNothing); // Without it a failure is thrown at whoever logs.
  // After a fatal line pino calls it, and it tries for ever, where a line in step with the program needs no flush.
  stream.flushSync = sayNothing;
  return stream;
}
