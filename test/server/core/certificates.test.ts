/** The files of certificates that a coordinator takes, and those that it refuses before a handshake could fail. */
// @peculiar/x509 does not load without it.
import 'reflect-metadata';
import { KeyObject, webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { X509CertificateGenerator } from '@peculiar/x509';
import { expect } from 'chai';
import { readCertificates, type TlsOptions } from '../../../server/core/certificates.js';
import { type Issued, TestCa } from '../../support/certificates.js';
import { dataFolder, removeDataFolders } from '../../support/process/data-folder.js';
import { rejectionOf } from '../../support/thrown.js';

/** A certificate whose key the TLS library does not accept. */
async function weak(): Promise<Issued> {
  const signingAlgorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const size = { modulusLength: 512, publicExponent: new Uint8Array([1, 0, 1]) };
  const keys = await webcrypto.subtle.generateKey({ ...signingAlgorithm, ...size }, true, [
    'sign',
    'verify',
  ]);
  const facts = { name: 'CN=weak', keys, signingAlgorithm };
  const certificate = (await X509CertificateGenerator.createSelfSigned(facts)).toString('pem');
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  return { certificate, key: String(key) };
}

describe('The certificates of a coordinator', () => {
  let ca: TestCa;
  let server: Issued;
  let folder: string;

  before(async () => {
    folder = dataFolder();
    ca = await TestCa.make();
    server = await ca.server();
  });
  after(removeDataFolders);

  /** Writes the values to files, and returns their names. */
  const files = async (own: Issued, clientCa: string): Promise<TlsOptions> => {
    const options = { certificate: own.certificate, key: own.key, clientCa };
    const paths = Object.entries(options).map(async ([name, text]) => {
      const path = join(folder, `${name}.pem`);
      await writeFile(path, text);
      return [name, path];
    });
    return Object.fromEntries(await Promise.all(paths)) as TlsOptions;
  };

  it('may be chains', async () => {
    const chain = { ...server, certificate: `a chain\n${server.certificate}${ca.certificate}` };
    const read = await readCertificates(await files(chain, ca.certificate + ca.certificate));
    expect(read.cert).to.equal(chain.certificate);
  });

  it('are refused by the name of their file where the TLS library would refuse each handshake', async () => {
    const cut = ca.certificate.slice(0, 200);
    const garbage = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const refused = async (own: Issued, clientCa = ca.certificate): Promise<string> =>
      (await rejectionOf(RangeError, readCertificates(await files(own, clientCa)))).message;
    for (const more of [cut, garbage]) {
      const chain = { ...server, certificate: server.certificate + more };
      expect(await refused(chain)).to.match(/certificate\.pem .*is not whole/);
      expect(await refused(server, ca.certificate + more)).to.match(/clientCa\.pem .*not whole/);
    }
    expect(await refused(await weak())).to.match(/refuses the certificate in .*certificate\.pem: /);
  });
});
