/** The kill loop with several front ends: UETCD_KILLS and UETCD_SEED as there. */
import { durableTest } from '../durability/durable-server.ts';
import { expectNothingLost } from '../durability/kill-loop.ts';
import { flags } from './three-front-ends.ts';

const killsTotal = Number(process.env['UETCD_KILLS'] ?? 4);
const seed = Number(process.env['UETCD_SEED'] ?? Math.floor(Math.random() * 1e9));

durableTest(`nothing acknowledged is lost in ${killsTotal} kills`, { timeout: 1_800_000 }, async ({ directory }) => {
  await expectNothingLost(directory, killsTotal, seed, flags);
});
