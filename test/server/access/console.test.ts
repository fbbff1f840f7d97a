/**
 * No text of a player's client becomes a console line by a verb of the coordinator. Kicks, messages, transfers with
 * their contexts, events and values carry text to nodes as what it is. Only an issuer with the right `call
 * run_console_command` names a line, and only IssueCommand carries it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from '../../docs/prose.js';
import { messageType, methods, nameOf, pathsOf } from '../../support/wire/descriptors.js';

const CONSOLE = 'kelpie.v1.RunConsoleCommand';

describe('a console line', () => {
  it('is in the requests of one call and of its frame alone', () => {
    const requests = [...methods.map(({ input }) => input), messageType('NodeFrame')];
    const carrying = requests.flatMap((type) =>
      [...pathsOf(type)]
        .filter((path) => path.at(-1)?.message?.typeName === CONSOLE)
        .map((path) => `${type.name}.${nameOf(path)}`),
    );
    expect(carrying.sort()).to.deep.equal([
      'ConnectRequest.frames.issue_command.command.run_console_command',
      'IssueCommandRequest.command.run_console_command',
      'NodeFrame.issue_command.command.run_console_command',
    ]);
  });

  it('is made by no file of the coordinator', () => {
    const files = readdirSync(join(ROOT, 'server'), { recursive: true, encoding: 'utf8' });
    const naming = files.filter(
      (file) =>
        file.endsWith('.ts') &&
        /runConsoleCommand|RunConsoleCommand/.test(
          readFileSync(join(ROOT, 'server', file), 'utf8'),
        ),
    );
    // The names of the forms with their checks, and the records of acts.
    expect(naming.sort()).to.deep.equal(['access/acts.ts', 'commands/forms.ts']);
  });
});
