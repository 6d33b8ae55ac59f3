/** The lowest class of the scheduler: what runs in it takes only what everybody else leaves of the cores. */
import { isInstalled } from './peers/server-process.ts';

/**
 * What a command line begins with so that it runs so. The kernel's idle class yields to anything else at once, where `chrt`
 * is installed; the nice value alone leaves it a small share. By that value its processor time is told from everybody else's.
 */
export function inIdleClass(): readonly string[] {
  return ['nice', '-n', '19', ...(isInstalled('chrt') ? ['chrt', '--idle', '0'] : [])];
}
