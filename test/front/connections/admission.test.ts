import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { admissionOf } from '../../../src/front/connections/admission.ts';
import { CertificateAuthority, hasOpenssl } from '../../support/certificates.ts';
import { makeTemporary, removeTemporary } from '../../support/temporary-directory.ts';

/** A resumed session is not verified again; with real ones a test would have to wait until a certificate ends. */
describe.skipIf(!hasOpenssl)('a client that goes on with the certificate with which it began', () => {
  const directory = makeTemporary('uetcd-admission');
  let authority: CertificateAuthority;
  beforeAll(() => {
    authority = new CertificateAuthority(directory, 'authority');
  });
  afterAll(() => removeTemporary(directory));

  test.each([
    ['is in force', 1, true],
    ['has ended', -1, false],
  ])('is let in or not when that %s', (_, days, isLetIn) => {
    const text = readFileSync(authority.issue(`client ${days}`, { days }).certFile, 'latin1');
    const admit = admissionOf(true, false, undefined);
    let isClosed = false;
    const response = {
      getX509Certificate: () => text,
      close: () => {
        isClosed = true;
      },
    } as unknown as HttpResponse;
    for (const time of ['the first time', 'from then on']) {
      isClosed = false;
      expect([admit?.(response, {} as HttpRequest), isClosed], time).toEqual([isLetIn, !isLetIn]);
    }
  });
});
