/** UETCD_KILLS says how often the server is killed, UETCD_SEED with what luck. */
import { durableTest } from './durable-server.ts';
import { expectNothingLost } from './kill-loop.ts';

const killsTotal = Number(process.env['UETCD_KILLS'] ?? 10);
const seed = Number(process.env['UETCD_SEED'] ?? Math.floor(Math.random() * 1e9));

durableTest(`nothing acknowledged is lost in ${killsTotal} kills`, { timeout: 1_800_000 }, async ({ directory }) => {
  await expectNothingLost(directory, killsTotal, seed);
});
