/** The log: JSON lines on stdout, or words and colours when stdout is somebody's terminal. */
import { type Logger, pino } from 'pino';
import type { LogLevel } from './config.ts';

export async function createLog(level: LogLevel): Promise<Logger> {
  if (level === 'silent' || !process.stdout.isTTY) return pino({ level });
  // Loaded by whom it concerns only: it takes as long as a good part of a start.
  const { default: pretty } = await import('pino-pretty');
  // In step with the program, as the JSON lines are: the last words before an exit must be seen.
  return pino(
    { level },
    pretty({ sync: true, singleLine: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' }),
  );
}
