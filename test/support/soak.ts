/** Heavy tests run in two sizes: small with all other tests, and in full in `make soak`, where they print figures. */

const whole = process.env['SOAK'] === '1';

/** The value for this run. */
export function inSoak<Value>(value: Value, otherwise: Value): Value {
  return whole ? value : otherwise;
}

/** Prints a figure in `make soak`. */
export function figure(text: string): void {
  if (whole) console.log(`      ${text}`);
}
