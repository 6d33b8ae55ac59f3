/** Entry of a process that attacks a server until its parent disconnects: `attacker-process NAME HOST PORT CONNECTIONS OPENS-PER-SECOND`. */
import { ATTACKS, type AttackName, startAttack } from './attacks.ts';

const [name, host, port, connections, opensPerSecond] = process.argv.slice(2);
if (!ATTACKS.includes(name as AttackName)) throw new RangeError(`there is no attack "${name}"`);
const attack = startAttack(
  name as AttackName,
  host as string,
  Number(port),
  Number(connections),
  Number(opensPerSecond),
);
const report = setInterval(() => {
  if (attack.openedCount < Number(connections)) return;
  clearInterval(report);
  process.send?.('all connections are open');
}, 10);
process.once('disconnect', () => process.exit());
