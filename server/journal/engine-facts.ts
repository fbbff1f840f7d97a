/** Facts about the engine, for the operator of a coordinator. */

export interface EngineFacts {
  readonly name: 'memory' | 'file' | 'redis';
  /** The settings of the engine that an operator should change. */
  warnings(): readonly Warning[];
}

export interface Warning {
  readonly problem: string;
  readonly advice: string;
}
