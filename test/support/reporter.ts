/** Mocha's spec reporter with a last line for tools. */
import Mocha from 'mocha';

export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    runner.once('end', () => {
      const { passes, failures } = this.stats;
      process.stdout.write(`\n${passes} passed, ${failures} failed\n`);
    });
  }
}
