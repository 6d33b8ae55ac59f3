import { expect, test } from 'vitest';
import { BodyBudget, BodyShare } from '../../../src/front/exchange/body-budget.ts';
import { LargeForms } from '../../../src/front/requests/large-forms.ts';
import { FrontEndMetrics } from '../../../src/metrics/front-end-metrics.ts';
import type { Form, FormFault } from '../../../src/protocol/form.ts';
import { Kernel } from '../../../src/protocol/kernel.ts';

const MB = 1024 * 1024;
const always = () => true;
const budget = new BodyBudget(16 * MB, new FrontEndMetrics(FrontEndMetrics.createMemory()));

function collected(form: string | Buffer): BodyShare {
  const share = new BodyShare(budget);
  expect(share.tryAdd(Buffer.from(form))).toBe(true);
  return share;
}

test('a large form leaves the event loop to others while it is read', async () => {
  const forms = new LargeForms(new Kernel());
  let turns = 0;
  const form = await new Promise<Form | FormFault>((resolve) => {
    forms.read(collected(`value=${'%41'.repeat(MB / 3)}`), always, ({ body }) => resolve(body.form));
    const countTurn = () => {
      turns++;
      if (turns < 10) setImmediate(countTurn);
    };
    setImmediate(countTurn);
  });
  expect(turns).toBe(10);
  expect(form).toMatchObject({ value: 'A'.repeat(MB / 3) });
});

test('forms are read in the order in which they came, and what nobody wants any more is not', async () => {
  const forms = new LargeForms(new Kernel());
  const read: string[] = [];
  let isWanted = true;
  const last = new Promise<void>((resolve) => {
    forms.read(collected(Buffer.alloc(MB, '&')), always, () => {
      read.push('first');
      isWanted = false;
    });
    forms.read(
      collected(Buffer.alloc(MB, '&')),
      () => isWanted,
      () => read.push('unwanted'),
    );
    forms.read(collected('ttl=5'), always, ({ body: { form } }) => {
      read.push(`ttl ${'ttl' in form ? form.ttl : ''}`);
      resolve();
    });
  });
  await last;
  expect(read).toEqual(['first', 'ttl 5']);
});
