/** The metrics of an engine that several coordinators share. */
import type { EngineFacts, EngineSums } from '../journal/engine-facts.js';
import type { Meters } from './meters.js';

export class EngineMeters {
  readonly #epochsEnded;
  #coordinators = (): number => 1;
  #sums = (): EngineSums | undefined => undefined;

  constructor(meters: Meters) {
    this.#epochsEnded = meters.counter(
      'kelpie_epochs_ended_total',
      'ends of the history of a network while the coordinator ran: readers got a Gap',
      ['network'],
    );
    const seen = 'coordinators on the engine that this one sees alive, itself included';
    meters.gauge('kelpie_coordinators', seen, [], (gauge) => gauge.set(this.#coordinators()));
    const sum = (name: string, help: string, of: (sums: EngineSums) => number): void =>
      meters.kept(name, help, [], (counter) => {
        const sums = this.#sums();
        counter.inc(sums ? of(sums) : 0);
      });
    sum('kelpie_redis_connects_total', 'connections to Redis that were made', (of) => of.connects);
    sum('kelpie_redis_commands_total', 'commands and scripts sent to Redis', (of) => of.commands);
    const seconds = 'how long the answers to these commands took, summed';
    sum('kelpie_redis_command_seconds_total', seconds, (of) => of.commandMs / 1000);
    const found =
      'entries that the look each second found, because their messages were lost or late';
    sum('kelpie_redis_entries_found_total', found, (of) => of.found);
  }

  /** From this call on, the metrics show this engine. `coordinators` gives the number of those alive. */
  watch(engine: EngineFacts, coordinators: () => number): void {
    this.#coordinators = coordinators;
    this.#sums = () => engine.sums?.();
  }

  readonly opened = (network: string): void => this.#epochsEnded.inc({ network }, 0);

  readonly epochEnded = (network: string): void => this.#epochsEnded.inc({ network });
}
