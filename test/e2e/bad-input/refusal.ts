/** The checks of an error: its reason, its code, its facts and its sentence. */
import { status } from '@grpc/grpc-js';
import { expect } from 'chai';
import type { WireError } from '../../support/wire/frames.js';
import { CallFailure, type End } from '../../support/wire/status.js';

export type Facts = Record<string, string>;

/** The status, the ErrorInfo and the ErrorDetail of an end name the same error. */
export function expectEnd(end: End, reason: string, facts: Facts, code: number): void {
  expectError(end.error, reason, facts, code);
  expect(end.code).to.equal(code);
  expect(end.message).to.equal(end.error?.message);
  expect(end.info?.domain).to.equal('kelpie.v1');
  expect(end.info?.reason).to.equal(reason);
  const pairs = end.info?.metadata.map(({ key, value }) => [key, value]) ?? [];
  expect(Object.fromEntries(pairs)).to.deep.equal(facts);
}

export function expectError(
  error: WireError | undefined,
  reason: string,
  facts: Facts,
  code: number = status.INVALID_ARGUMENT,
): void {
  expect(error?.reason).to.equal(`ERROR_REASON_${reason}`);
  expect(error?.code).to.equal(code);
  expect(error?.metadata).to.deep.equal(facts);
  expect(error?.message, 'a sentence').to.match(/^\S+( \S+){3,}/);
}

export async function failureOf(call: Promise<unknown>): Promise<End> {
  const outcome: unknown = await call.catch((error: unknown) => error);
  if (outcome instanceof CallFailure) return outcome.end;
  throw new Error(`it should have failed, and gave ${JSON.stringify(outcome)}`);
}
