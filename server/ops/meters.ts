/** Makes the metrics of one registry. The metrics of the process are in it from the beginning. */
import {
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  type Metric,
  Registry,
} from 'prom-client';

export class Meters {
  readonly registry = new Registry();

  constructor() {
    for (const metric of metricsOfProcess()) this.registry.registerMetric(metric);
  }

  counter<Label extends string>(name: string, help: string, labelNames: Label[] = []) {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  histogram<Label extends string>(
    name: string,
    help: string,
    buckets: number[],
    labelNames: Label[] = [],
  ) {
    return new Histogram({ name, help, buckets, labelNames, registers: [this.registry] });
  }

  /** A gauge that is filled anew whenever a client asks for the metrics. */
  gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    fill: (gauge: Gauge<Label>) => void,
  ): void {
    const collect = (): void => {
      gauge.reset();
      fill(gauge);
    };
    const gauge = new Gauge({ name, help, labelNames, registers: [this.registry], collect });
  }

  /** A counter of sums that other code keeps, because they grow too often for a metric. */
  kept<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    fill: (counter: Counter<Label>) => void,
  ): void {
    const collect = (): void => {
      counter.reset();
      fill(counter);
    };
    const counter = new Counter({ name, help, labelNames, registers: [this.registry], collect });
  }
}

/** The metrics of the process. They start once, for all coordinators in the process, because they cannot be stopped. */
function metricsOfProcess(): Metric[] {
  if (!ofProcess) collectDefaultMetrics({ register: (ofProcess = new Registry()) });
  return ofProcess.getMetricsAsArray() as unknown as Metric[];
}
let ofProcess: Registry | undefined;
