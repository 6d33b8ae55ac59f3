/**
 * Makes src/protocol/kernel-module.ts of src/protocol/kernel.wat: `npm run kernel`. A test sees to it that it was done.
 * By wabt, the assembler of WebAssembly's own makers, since nobody should have to read, or write, the module itself.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import wabt from 'wabt';

const SOURCE = fileURLToPath(new URL('../../src/protocol/kernel.wat', import.meta.url));
const MODULE = fileURLToPath(new URL('../../src/protocol/kernel-module.ts', import.meta.url));

export async function compileKernel(): Promise<string> {
  const { parseWat } = await wabt();
  const { buffer } = parseWat('kernel.wat', readFileSync(SOURCE, 'utf8'), { simd: true }).toBinary({});
  return Buffer.from(buffer).toString('base64');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const base64 = await compileKernel();
  writeFileSync(
    MODULE,
    `/** kernel.wat as WebAssembly, in base64: \`npm run kernel\`. */\nexport const KERNEL_MODULE =\n  '${base64}';\n`,
  );
}
