import { expect, test } from 'vitest';
import { KERNEL_MODULE } from '../../src/protocol/kernel-module.ts';
import { compileKernel } from '../support/compile-kernel.ts';

test('the module is what kernel.wat says: `npm run kernel`', async () => {
  expect(KERNEL_MODULE).toBe(await compileKernel());
});
