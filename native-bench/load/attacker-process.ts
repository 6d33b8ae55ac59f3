/**
 * Entry of a process that attacks a server until its parent disconnects: `attacker-process NAME HOST PORT CONNECTIONS
 * OPENS-PER-SECOND`. It says when it is ready, begins at the first message, says when all connections are open, and answers each
 * further message by what it has done so far.
 */
import { ATTACKS, type Attack, type AttackName, startAttack } from './attacks.ts';

/** What the attacker says. */
export interface AttackerNews {
  readonly stage: 'ready' | 'open' | 'counted';
  readonly actionCount: number;
  /** Of its own clock: by it a rate is right however late the message comes. */
  readonly atMs: number;
}

const [name, host, port, connections, opensPerSecond] = process.argv.slice(2);
if (!ATTACKS.includes(name as AttackName)) throw new RangeError(`there is no attack "${name}"`);
let attack: Attack | undefined;

function say(stage: AttackerNews['stage']): void {
  const news: AttackerNews = { stage, actionCount: attack?.actionCount ?? 0, atMs: performance.now() };
  process.send?.(news);
}

function begin(): Attack {
  const begun = startAttack(
    name as AttackName,
    host as string,
    Number(port),
    Number(connections),
    Number(opensPerSecond),
  );
  const report = setInterval(() => {
    if (begun.openedCount < Number(connections)) return;
    clearInterval(report);
    say('open');
  }, 10);
  return begun;
}

process.on('message', () => {
  if (attack === undefined) attack = begin();
  else say('counted');
});
process.once('disconnect', () => process.exit());
say('ready');
