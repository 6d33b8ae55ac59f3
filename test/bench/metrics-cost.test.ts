/** The figures that are made of paired blocks: where the middle is, and how sure that is. */
import { expect, test } from 'vitest';
import { Random } from '../../native-bench/load/random.ts';
import { intervalOf, middleOf } from '../../native-bench/scenarios/metrics-cost.ts';

/** About normal, around 0. */
function noise(random: Random, spread: number): number {
  let sum = 0;
  for (let count = 0; count < 12; count++) sum += random.below(1_000_001) / 1_000_000;
  return (sum - 6) * spread;
}

function pairsAround(cost: number, random: Random): number[][] {
  return Array.from({ length: 8 }, () => {
    const pair = noise(random, 1);
    return Array.from({ length: 20 }, () => cost + pair + noise(random, 5));
  });
}

test('the middle is the median of all blocks', () => {
  expect(
    middleOf([
      [1, 2, 90],
      [5, 5],
      [7, -80],
    ]),
  ).toBe(5);
});

test('blocks that are all alike leave no doubt', () => {
  expect(
    intervalOf(
      [
        [3, 3],
        [3, 3],
      ],
      new Random(1),
    ),
  ).toEqual([3, 3]);
});

test('the interval widens with what is between the pairs, however many blocks they have', () => {
  const blocks = (cost: number) => new Array(200).fill(cost) as number[];
  const [low, high] = intervalOf([-4, -2, -1, 0, 1, 2, 3, 4].map(blocks), new Random(1));
  expect([low < -1, high > 1]).toEqual([true, true]);
});

test('it holds the true cost nine times of ten at least', () => {
  const random = new Random(7);
  let held = 0;
  for (let round = 0; round < 100; round++) {
    const [low, high] = intervalOf(pairsAround(1.5, random), random, 200);
    if (low <= 1.5 && 1.5 <= high) held++;
  }
  expect(held).toBeGreaterThanOrEqual(90);
});
