/** Facts about the engine, for the operator of a coordinator. */

export interface EngineFacts {
  readonly name: 'memory' | 'file' | 'redis';
  /** The settings of the engine that an operator should change. */
  warnings(): readonly Warning[];
  /** Sums since the start, of an engine that other processes share. */
  sums?(): EngineSums;
}

export interface EngineSums {
  readonly connects: number;
  readonly commands: number;
  readonly commandMs: number;
  readonly found: number;
}

export interface Warning {
  readonly problem: string;
  readonly advice: string;
}
