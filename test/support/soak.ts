/** Heavy tests run twice: scaled down with all others, and whole in `make soak`, where they print figures. */

const whole = process.env['SOAK'] === '1';

/** The value for this run. */
export function inSoak<Value>(value: Value, otherwise: Value): Value {
  return whole ? value : otherwise;
}

/** Shows a figure where somebody asked for figures. */
export function figure(text: string): void {
  if (whole) console.log(`      ${text}`);
}
