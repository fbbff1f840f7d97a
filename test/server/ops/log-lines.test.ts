/** Lines of the log that contain texts of peers. */
import { expect } from 'chai';
import { createLogger, type LogOptions } from '../../../server/ops/log/log.js';
import type { LogStream } from '../../../server/ops/log/output.js';
import { hostileStrings } from '../../support/hostile/hostile.js';
import { unprintableLines } from '../../support/process/printed.js';

function logged(format: LogOptions['format']) {
  let text = '';
  const write = (line: string): boolean => {
    text += line;
    return true;
  };
  const stream: LogStream = {
    writableLength: 0,
    write,
    on: () => undefined,
    once: () => undefined,
  };
  return { log: createLogger({ level: 'info', format, colours: false }, stream), text: () => text };
}

describe('A line of the log', () => {
  for (const [name, hostile] of Object.entries(hostileStrings)) {
    it(`is one line without characters that a terminal obeys: ${name}`, () => {
      for (const format of ['pretty', 'json'] as const) {
        const { log, text } = logged(format);
        log.warn({ node: hostile, [`label ${hostile}`]: { deep: hostile } }, `refused ${hostile}`);
        expect(text().split('\n')).to.have.length(2);
        const err = new Error(hostile);
        log.error({ err }, 'fault');
        expect(unprintableLines(text())).to.deep.equal([]);
        if (format === 'json') {
          const [line = ''] = text().split('\n');
          expect(JSON.parse(line)).to.include({ node: hostile });
        }
      }
    });
  }
});
