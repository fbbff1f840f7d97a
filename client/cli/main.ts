#!/usr/bin/env node
/** The program kelpie: what an operator asks a network, from a shell. */
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { Command, CommanderError } from 'commander';
import { version } from '../core/version.js';
import { auditCommand } from './audit.js';
import { callCommand } from './call.js';
import { described, inheritCommon, settled, withCommon } from './command.js';
import { coordinatorsCommand } from './coordinators.js';
import { completeLineCommand, completionCommand } from './completion.js';
import { contextCommand } from './context.js';
import { disconnectCommand } from './disconnect.js';
import { doctorCommand } from './doctor/doctor.js';
import { drainCommand } from './drain.js';
import { findCommand } from './find.js';
import { historyCommand } from './history/history.js';
import { infoCommand } from './info.js';
import { kickCommand } from './kick.js';
import { labelCommand } from './label.js';
import { maintenanceCommand } from './maintenance.js';
import { nodesCommand } from './nodes.js';
import { endWithOutput, writeError, writeOut } from './output/terminal.js';
import { playersCommand } from './players.js';
import { publishCommand } from './publish.js';
import { routingCommand } from './routing.js';
import { runCommand } from './run.js';
import { sayCommand } from './say.js';
import { stateCommand } from './state.js';
import { tailCommand } from './tail.js';
import { tokenCommand } from './token/token.js';
import { topCommand } from './top.js';
import { transferCommand } from './transfer.js';

const NOTES = `
Which coordinator: --endpoint, else --context, KELPIE_ENDPOINTS, KELPIE_CONTEXT, the context
of kelpie context use, and 127.0.0.1:50051, in this order. KELPIE_TOKEN replaces the token of
a context.

Exit codes: 0 done · 1 failed, in part too, or no coordinator answers · 2 wrong usage`;

const groups = {
  'Look:': [
    nodesCommand(),
    playersCommand(),
    findCommand(),
    tailCommand(),
    historyCommand(),
    auditCommand(),
    infoCommand(),
    coordinatorsCommand(),
    topCommand(),
    doctorCommand(),
  ],
  'Say:': [publishCommand(), sayCommand()],
  'Do:': [
    kickCommand(),
    transferCommand(),
    drainCommand(),
    runCommand(),
    callCommand(),
    disconnectCommand(),
    labelCommand(),
    routingCommand(),
    maintenanceCommand(),
    stateCommand(),
  ],
  'Setup:': [tokenCommand(), contextCommand(), completionCommand()],
};

const program = withCommon(new Command('kelpie'))
  .description('Ask a Kelpie coordinator, and make it and its nodes do something.')
  .version(version)
  .addHelpText('after', NOTES)
  .addHelpCommand(
    new Command('help')
      .helpOption(false)
      .arguments('[command]')
      .description('show this help, or that of a command')
      .helpGroup('Setup:'),
  )
  .enablePositionalOptions()
  .configureHelp({ optionDescription: described })
  .configureOutput({
    writeOut: (text) => writeOut(linesOf(text)),
    writeErr: (text) => writeError(linesOf(text)),
  })
  .exitOverride()
  .hook('preAction', (_, asked) => inheritCommon(asked));

for (const [heading, commands] of Object.entries(groups)) {
  for (const one of commands) program.addCommand(settled(one.helpGroup(heading), program));
}
program.addCommand(settled(completeLineCommand(), program), { hidden: true });

// Commands that follow are ended so, and end well. Of commands that do something, the exit code is 1 by then.
process.on('SIGINT', () => process.exit());
process.on('SIGTERM', () => process.exit());
endWithOutput();
// gRPC would print its errors without escapes; the error of the call has them too. To debug gRPC, set the variable.
if (process.env['GRPC_VERBOSITY'] === undefined) setLogVerbosity(logVerbosity.NONE);
try {
  await program.parseAsync(process.argv);
} catch (thrown) {
  // Help, the version, or an error of usage: it is printed by now, unless that failed.
  if (!(thrown instanceof CommanderError)) throw thrown;
  process.exitCode = thrown.exitCode === 0 ? 0 : 2;
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, '').split('\n');
}
