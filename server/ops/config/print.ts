/** The output of `kelpied config`, for people and for programs. */
import { keyOf, settingNames, settings, shownSettings } from './settings.js';
import { printable } from '../../core/printable.js';
import type { Config, Task } from './sources.js';

type Format = Extract<Task, { kind: 'config' }>['format'];

/** The text that `kelpied config` prints. */
export function printed(config: Config, format: Format): string {
  return { table, json, sample }[format]({ ...config, settings: shownSettings(config.settings) });
}

function table({ settings: values, origins }: Config): string {
  const rows = settingNames.map((name) => [
    keyOf(name),
    printable(String(values[name])),
    printable(origins[name]),
  ]);
  return aligned([['SETTING', 'VALUE', 'FROM'], ...rows]);
}

/** A line for each row. All columns but the last are aligned. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns - 1 }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  const lines = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)));
  return lines.map((cells) => `${cells.join('  ')}\n`).join('');
}

function json({ settings: values, origins }: Config): string {
  const entries = settingNames.map((name) => [
    keyOf(name),
    { value: values[name], from: origins[name] },
  ]);
  return `${JSON.stringify(Object.fromEntries(entries))}\n`;
}

/** A kelpie.yaml in which every setting has its default. */
function sample(): string {
  const lines = settingNames.map((name) => {
    const { meaning, default: byDefault } = settings[name];
    return `# ${meaning}\n# ${keyOf(name)}: ${String(byDefault)}\n`;
  });
  return lines.join('\n');
}
