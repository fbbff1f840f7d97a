/** Reads kelpie.yaml: the settings by their keys, each with its line. */
import { readFileSync } from 'node:fs';
import { isMap, isScalar, LineCounter, parseDocument, type YAMLMap } from 'yaml';
import { keyOf, type SettingName, settingNames, settings } from './settings.js';
import { nearest } from './nearest.js';

/** A setting in a file. */
export interface FileSetting {
  readonly name: SettingName;
  readonly value: unknown;
  /** The file and the line. */
  readonly from: string;
}

/**
 * The settings of a file; none if the file is missing and `mustExist` is false. Throws an Error that names the file and
 * the line.
 */
export function readConfigFile(file: string, mustExist: boolean): FileSetting[] {
  const text = contentOf(file, mustExist);
  if (text === undefined) return [];
  const lines = new LineCounter();
  const { contents, errors } = parseDocument(text, { lineCounter: lines });
  const [error] = errors;
  if (error) {
    const [sentence = ''] = error.message.split('\n');
    throw new Error(`${file}:${error.linePos?.[0].line ?? 1}: ${sentence.replace(/:$/, '')}`);
  }
  if (contents === null) return [];
  if (!isMap(contents)) {
    throw new Error(`${file}:1: each line must be one setting, as in "port: 50051"`);
  }
  return settingsOf(contents, (offset) => `${file}:${lines.linePos(offset).line}`);
}

function contentOf(file: string, mustExist: boolean): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !mustExist) return undefined;
    throw new Error(code === 'ENOENT' ? `there is no file ${file}` : message, { cause: error });
  }
}

function settingsOf(map: YAMLMap, placeOf: (offset: number) => string): FileSetting[] {
  return map.items.map(({ key, value }) => {
    if (!isScalar(key)) {
      throw new Error(`${placeOf(map.range?.[0] ?? 0)}: a key must be the name of a setting`);
    }
    const from = placeOf(key.range?.[0] ?? 0);
    const text = String(key.value);
    const name = settingNames.find((one) => keyOf(one) === text);
    if (name === undefined) {
      const proposal = nearest(text, settingNames.map(keyOf));
      throw new Error(`${from}: unknown setting ${text}; did you mean ${proposal}?`);
    }
    const found: unknown = isScalar(value) ? value.value : undefined;
    return { name, value: valueOf(name, found, from), from };
  });
}

function valueOf(name: SettingName, found: unknown, from: string): unknown {
  try {
    if (!['string', 'number', 'boolean'].includes(typeof found)) {
      throw new RangeError('Give it one value.');
    }
    return settings[name].parse(String(found));
  } catch (error) {
    throw new Error(`${from}: ${keyOf(name)} is invalid. ${(error as Error).message}`, {
      cause: error,
    });
  }
}
