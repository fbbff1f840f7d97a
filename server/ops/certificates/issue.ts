/** Makes certificates: a CA, and the certificates of servers and clients that it signs. All are text in PEM. */
// @peculiar/x509 does not load without it.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { isIP, SocketAddress } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate and its private key. */
export interface Issued {
  readonly certificate: string;
  readonly key: string;
}

/** When a certificate counts. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A new CA, which signs with its own key. */
export async function issueCa(commonName: string, validity: Validity): Promise<Issued> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: nameOf(commonName),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return issued(certificate, keys);
}

/** A certificate for a server under these names and IP addresses. */
export function issueServer(ca: Issued, hosts: readonly string[], validity: Validity) {
  const names = hosts.map((value) => ({
    type: isIP(value) ? ('ip' as const) : ('dns' as const),
    value,
  }));
  const extensions = [
    new SubjectAlternativeNameExtension(names),
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
  ];
  return issue(ca, 'kelpied', extensions, validity);
}

/** The names and IP addresses that a certificate is for. Throws for a text that is no certificate. */
export function hostsIn(certificate: string): string[] {
  const names = new X509Certificate(certificate).getExtension(SubjectAlternativeNameExtension);
  return (names?.names.items ?? []).map(({ value }) =>
    isIP(value) === 6 ? new SocketAddress({ address: value, family: 'ipv6' }).address : value,
  );
}

/** A certificate for a client of this name. */
export function issueClient(ca: Issued, commonName: string, validity: Validity) {
  return issue(
    ca,
    commonName,
    [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])],
    validity,
  );
}

async function issue(
  ca: Issued,
  commonName: string,
  extensions: readonly Extension[],
  validity: Validity,
): Promise<Issued> {
  const issuer = new X509Certificate(ca.certificate);
  const [pkcs8] = PemConverter.decode(ca.key);
  if (!pkcs8) throw new RangeError('the key of the CA is not in PEM');
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    ...validity,
    subject: nameOf(commonName),
    issuer: issuer.subjectName.toJSON(),
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', pkcs8, ALGORITHM, false, ['sign']),
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer),
      ...extensions,
    ],
  });
  return issued(certificate, keys);
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

/** As a list, so that no character of the name has a meaning. */
function nameOf(commonName: string) {
  return [{ CN: [commonName] }];
}

async function issued(
  certificate: X509Certificate,
  { privateKey }: webcrypto.CryptoKeyPair,
): Promise<Issued> {
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', privateKey);
  const key = PemConverter.encode(pkcs8, PemConverter.PrivateKeyTag);
  return { certificate: `${certificate.toString('pem')}\n`, key: `${key}\n` };
}
